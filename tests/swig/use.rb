# What the vectors do not reach of the module that SWIG makes: arguments, arrays, packet memory.
require "ixy"

$passed = $failed = 0

def test(name)
  yield
  $passed += 1
rescue StandardError => error
  $failed += 1
  puts "FAILED #{name}: #{error.class}: #{error.message} #{error.backtrace.first}"
end

def check(right, what = "the check fails")
  raise what unless right
end

# A call that must fail: text is found in what it says.
def refused(kind, text)
  yield
rescue kind => error
  check(error.message.include?(text), "#{error.message}; right is: #{text}")
  error
else
  raise "it succeeds; right is: #{text}"
end

def fresh(pool, count)
  frames = Ixy::Frames.new(count)
  check(Ixy.buf_alloc(pool, frames, count) == count)
  count.times do |index|
    frame = frames.get(index)
    frame.len = 60
    frames.put(index, frame)
  end
  frames
end

test("control calls tell what was wrong, hot ones what the code means") do
  control = refused(Ixy::Error, "handle 0x4d is closed") { Ixy.pool_close(77) }
  check(control.code == Ixy::E_HANDLE && control.name == "IXY_E_HANDLE" && control.text == Ixy.last_error)
  hot = refused(Ixy::Error, "IXY_E_HANDLE") { Ixy.rx_batch(77, 0, Ixy::Frames.new(1), 1) }
  check(hot.text == Ixy.strerror(Ixy::E_HANDLE))
  check(refused(Ixy::Error, "handle 0x4d is closed") { Ixy::Memory.new(77) }.code == Ixy::E_HANDLE)
end

test("objects that could not be made are freed without harm") do
  1000.times do
    refused(Ixy::Error, "handle 0x4d is closed") { Ixy::Memory.new(77) }
    refused(ArgumentError, "BUFFERS_MAX") { Ixy::Frames.new(0) }
  end
  GC.start
end

test("handles and numbers are exact integers") do
  frame = Ixy::Frame.new
  [0, 1, 2**53 + 1, 2**63, 2**64 - 1].each do |handle|
    frame.buf = handle
    check(frame.buf == handle, "#{handle} became #{frame.buf}")
  end
  refused(StandardError, "uint16_t") { frame.len = 65_536 }
  refused(StandardError, "uint64_t") { frame.buf = 2**64 }
end

test("arguments that C could not take are refused") do
  pool, frames = Ixy.pool_open(nil), Ixy::Frames.new(4)
  refused(IndexError, "more than the Frames hold") { Ixy.buf_free(pool, frames, 5) }
  refused(TypeError, "class Frames") { Ixy.buf_free(pool, nil, 0) }
  refused(TypeError, "class Frames") { Ixy.buf_free(pool, frames.get(0), 1) }
  refused(StandardError, "uint32_t") { Ixy.buf_free(pool, frames, 2**32) }
  refused(TypeError, "string of bytes") { Ixy.buf_write(pool, frames.get(0), 0, 5) }
  refused(ArgumentError, "size is a number") { Ixy.buf_read(pool, frames.get(0), 0, "one") }
  refused(ArgumentError, "6 bytes") { Ixy.device_mac_set(1, "12345") }
  refused(ArgumentError, "BUFFERS_MAX") { Ixy::Frames.new(0) }
  refused(ArgumentError, "BUFFERS_MAX") { Ixy::Frames.new(Ixy::BUFFERS_MAX + 1) }
  refused(IndexError, "no frame at this index") { frames.get(4) }
  refused(IndexError, "no frame at this index") { frames.put(4, frames.get(0)) }
  refused(IndexError, "more than the Frames hold") { frames.drop(5) }
  refused(StandardError, "Memory") { Ixy::Memory.allocate.byte(frames, 0, 0) }
  refused(StandardError, "ixy_frame") { Ixy::Frame.allocate.buf }
  Ixy.pool_close(pool)
end

test("numbers of another type are refused") do
  pool = Ixy.pool_open(nil)
  frames = fresh(pool, 4)
  memory, frame = Ixy::Memory.new(pool), frames.get(0)
  [0.5, 1.0, Float::NAN, Float::INFINITY, 1r, 1i, "1", nil, :one, 2**64, -(2**64), -1].each do |number|
    [
      -> { Ixy.buf_free(pool, frames, number) },
      -> { Ixy.buf_free(number, frames, 4) },
      -> { Ixy.buf_read(pool, frame, number, 0) },
      -> { Ixy.buf_read(pool, frame, 0, number) },
      -> { memory.byte(frames, number, 0) },
      -> { memory.byte(frames, 0, number) },
      -> { frames.get(number) },
      -> { frames.drop(number) },
      -> { Ixy::Frames.new(number) },
      -> { frame.offset = number },
      -> { frame.buf = number },
    ].each do |call|
      taken = true
      begin
        call.call
      rescue Ixy::Error
        # refused by the library, so it has been given some number
      rescue StandardError
        taken = false
      end
      check(!taken, "#{number.inspect} is taken for a number")
    end
  end
  check(Ixy.buf_free(pool, frames, 4) == 4)
  Ixy.pool_close(pool)
end

test("objects are not copied") do
  pool = Ixy.pool_open(nil)
  frames = fresh(pool, 2)
  [frames, Ixy::Memory.new(pool)].each do |made|
    refused(TypeError, "dump") { Marshal.dump(made) }
    [made.dup, made.clone].each do |copy|
      refused(StandardError, "") { copy.is_a?(Ixy::Frames) ? copy.size : copy.byte(frames, 0, 0) }
    end
  end
  check(Ixy.buf_free(pool, frames, 2) == 2)
  Ixy.pool_close(pool)
end

test("3000 pools with memory that only the collector finds") do
  config = Ixy::PoolConfig.new
  config.buffer_count = 16
  3000.times do
    pool = Ixy.pool_open(config)
    Ixy::Memory.new(pool)
    Ixy.pool_close(pool)
  end
end

test("get gives a copy, drop moves") do
  pool = Ixy.pool_open(nil)
  frames = fresh(pool, 3)
  first, second = frames.get(0), frames.get(1)
  second.len = 100
  check(frames.get(1).len == 60)
  frames.drop(1)
  check(frames.size == 3 && frames.get(0).buf == second.buf)
  check(Ixy.buf_free(pool, frames, 2) == 2)
  frames.put(0, first)
  check(Ixy.buf_free(pool, frames, 1) == 1)
  Ixy.pool_close(pool)
end

test("memory is checked and outlives its pool") do
  pool = Ixy.pool_open(nil)
  frames, memory = fresh(pool, 2), Ixy::Memory.new(pool)
  memory.set_byte(frames, 1, 59, 255)
  check(memory.byte(frames, 1, 59) == 255)
  bytes = Ixy.buf_read(pool, frames.get(1), 59, 1)
  check(bytes == "\xff".b && bytes.encoding == Encoding::BINARY)
  refused(Ixy::Error, "IXY_E_RANGE") { memory.set_byte(frames, 1, 60, 1) }
  check(Ixy.buf_free(pool, frames, 1) == 1)
  refused(Ixy::Error, "IXY_E_HANDLE") { memory.byte(frames, 0, 0) }
  moved = frames.get(1)
  moved.offset += 2100
  frames.put(0, moved)
  refused(Ixy::Error, "IXY_E_FRAME") { memory.byte(frames, 0, 0) }
  Ixy.pool_close(pool)
  refused(Ixy::Error, "IXY_E_HANDLE") { memory.byte(frames, 1, 59) }
end

puts "Ruby: #{$passed} passed, #{$failed} failed"
exit($failed.zero?)
