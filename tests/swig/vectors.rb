# Runs the shared vectors (docs/vectors.md) through the Ruby module that SWIG makes of abi/swig/ixy.i.
#
#   ruby tests/swig/vectors.rb FILE.json...
require "ixy"
require "json"
require "tmpdir"

class Difference < StandardError
end

def bits(prefix, names)
  names.reduce(0) { |sum, name| sum | Ixy.const_get(prefix + name) }
end

def equal(found, wanted, what)
  raise Difference, "#{what} is #{found.inspect}; right is #{wanted.inspect}" unless found == wanted
end

# sets: the prefix of the constants that the names in a list are
def compare(found, equals, sets = nil)
  equals.each do |name, value|
    equal(found.public_send(name), value.is_a?(Array) ? bits(sets, value) : value, name)
  end
end

def pattern(length, seed)
  Array.new(length) { |i| (seed + 7 * i) & 255 }.pack("C*")
end

def from_hex(hex)
  [hex].pack("H*")
end

# The variables of a case, and its operations: each is a method that takes the step.
class Case
  def initialize(folder)
    @folder = folder
    @pools, @devices, @frames, @pool_of = {}, {}, {}, {}
    @first_pool = nil # received frames are of the first that the case opened
  end

  def perform(step)
    operation = "do_" + step["op"]
    raise Difference, "this runner does not know the operation" unless respond_to?(operation)
    return public_send(operation, step) unless step["error"]

    begin
      public_send(operation, step)
    rescue Ixy::Error => error
      equal(error.name, step["error"], "error")
      equal(error.code, Ixy.const_get(step["error"].delete_prefix("IXY_")), "code")
      equal(error.text.empty?, false, "no text")
      equal(error.message, "#{error.name}: #{error.text}", "message")
    else
      raise Difference, "it succeeds"
    end
  end

  def close
    [[@devices, :device_close], [@pools, :pool_close]].each do |handles, call|
      handles.each_value do |handle|
        Ixy.public_send(call, handle)
      rescue Ixy::Error => error
        raise unless error.code == Ixy::E_HANDLE # the case closed it
      end
    end
  end

  # ---- pools and devices ----

  def do_pool_open(step)
    config = Ixy::PoolConfig.new
    config.buffer_count = step.fetch("buffers", 0)
    config.buffer_size = step.fetch("buffer_size", 0)
    @pools[step["pool"]] = Ixy.pool_open(config)
    @first_pool ||= @pools[step["pool"]]
  end

  def do_pool_close(step)
    Ixy.pool_close(@pools[step["pool"]])
  end

  def do_pool_free_count(step)
    equal(Ixy.pool_free_count(@pools[step["pool"]]), step["equals"], "free count")
  end

  def do_device_open(step)
    config = Ixy::DeviceConfig.new
    %w[rx_queues tx_queues rx_ring_size tx_ring_size frame_len_max].each do |name|
      config.public_send(name + "=", step.fetch(name, 0))
    end
    config.pool = step["pool"] ? @pools[step["pool"]] : 0
    config.offloads = bits("CAN_", step.fetch("offloads", []))
    @devices[step["device"]] = Ixy.device_open(step["address"].gsub("{tmp}", @folder), config)
  end

  def do_device_start(step)
    Ixy.device_start(@devices[step["device"]])
  end

  def do_device_reset(step)
    Ixy.device_reset(@devices[step["device"]])
  end

  def do_device_close(step)
    Ixy.device_close(@devices[step["device"]])
  end

  def do_features(step)
    device = @devices[step["device"]]
    names = Array.new(Ixy.device_feature(device, 0).first) { |index| Ixy.device_feature(device, index).last }
    equal(step.fetch("has", []) - names, [], "missing")
    equal(step.fetch("lacks", []) & names, [], "too many")
  end

  def do_capabilities(step)
    has, lacks = bits("CAN_", step.fetch("has", [])), bits("CAN_", step.fetch("lacks", []))
    equal(Ixy.device_info(@devices[step["device"]]).capabilities & (has | lacks), has, "capabilities")
  end

  def do_device_info(step)
    compare(Ixy.device_info(@devices[step["device"]]), step["equals"], "CAN_")
  end

  def do_link(step)
    compare(Ixy.device_link(@devices[step["device"]]), step["equals"])
  end

  def do_stats(step)
    compare(Ixy.device_stats(@devices[step["device"]]), step["equals"])
  end

  def do_queue_stats(step)
    compare(Ixy.device_queue_stats(@devices[step["device"]], step["queue"]), step["equals"])
  end

  def do_counters(step)
    compare(Ixy.emu_counters_get(@devices[step["device"]]), step["equals"])
  end

  def do_mac(step)
    equal(Ixy.device_mac(@devices[step["device"]]).unpack1("H*"), step["equals"].delete(":"), "MAC address")
  end

  def do_mac_set(step)
    Ixy.device_mac_set(@devices[step["device"]], from_hex(step["mac"].delete(":")))
  end

  def do_promiscuous_set(step)
    Ixy.device_promiscuous_set(@devices[step["device"]], step["on"])
  end

  # ---- frames ----

  def array(names)
    frames = Ixy::Frames.new([names.size, 1].max)
    names.each_with_index { |name, index| frames.put(index, @frames.fetch(name)) }
    frames
  end

  def copy(name)
    array([name]).get(0)
  end

  def keep(name, frame, pool)
    @frames[name], @pool_of[name] = frame, pool
  end

  def do_alloc(step)
    pool, names = @pools[step["pool"]], step["into"]
    frames = Ixy::Frames.new(names.size)
    equal(Ixy.buf_alloc(pool, frames, names.size), names.size, "allocated")
    names.each_with_index { |name, index| keep(name, frames.get(index), pool) }
  end

  def do_set_len(step)
    @frames.fetch(step["frame"]).len = step["len"]
  end

  def do_check_len(step)
    equal(@frames.fetch(step["frame"]).len, step["len"], "length")
  end

  def do_more(step)
    frame = @frames.fetch(step["frame"])
    if step["on"]
      frame.flags = frame.flags & ~Ixy::FRAME_MORE | step["on"] * Ixy::FRAME_MORE
    else
      equal(frame.flags & Ixy::FRAME_MORE, step["equals"] * Ixy::FRAME_MORE, "more")
    end
  end

  def do_metadata_set(step)
    record = Ixy::Metadata.new
    record.flags = bits("META_", step["flags"])
    %w[vlan_tci l2_len l3_len].each { |name| record.public_send(name + "=", step.fetch(name, 0)) }
    Ixy.buf_metadata_set(@pool_of[step["frame"]], @frames[step["frame"]], record)
  end

  def do_metadata(step)
    record = Ixy.buf_metadata(@pool_of[step["frame"]], @frames[step["frame"]])
    compare(record, step["equals"], "META_")
    earlier = step["not_before"] or return
    earliest = Ixy.buf_metadata(@pool_of[earlier], @frames[earlier]).timestamp
    equal(record.timestamp >= earliest, true, "timestamp is not earlier")
  end

  def write(name, at, bytes)
    equal(Ixy.buf_write(@pool_of[name], @frames[name], at, bytes), bytes.bytesize, "written")
  end

  def read(name, at, size, wanted)
    equal(Ixy.buf_read(@pool_of[name], @frames[name], at, size).unpack1("H*"), wanted.unpack1("H*"), "bytes")
  end

  def do_write(step)
    write(step["frame"], step["at"], from_hex(step["hex"]))
  end

  def do_read(step)
    read(step["frame"], step["at"], step["size"], from_hex(step.fetch("hex", "")))
  end

  def do_fill(step)
    write(step["frame"], 0, pattern(@frames[step["frame"]].len, step["seed"]))
  end

  def do_check(step)
    do_check_len(step)
    read(step["frame"], 0, step["len"], pattern(step["len"], step["seed"]))
  end

  def do_forge(step)
    frame = copy(step["from"])
    frame.buf = Integer(step["handle"], 16)
    equal(frame.buf, Integer(step["handle"], 16), "handle")
    keep(step["frame"], frame, @pool_of[step["from"]])
  end

  def do_frame_set(step)
    frame = copy(step["from"])
    frame.offset = (frame.offset + step["offset_add"]) & 0xffffffff
    frame.len = step["len"]
    keep(step["frame"], frame, @pool_of[step["from"]])
  end

  # ---- batches ----

  def do_tx(step)
    frames = step["frames"]
    equal(Ixy.tx_batch(@devices[step["device"]], step["queue"], array(frames), frames.size), step["sent"], "sent")
  end

  def do_free(step)
    frames = step["frames"]
    equal(Ixy.buf_free(@pools[step["pool"]], array(frames), frames.size), step["freed"], "freed")
  end

  def do_rx(step)
    device, wanted, got = @devices[step["device"]], step.fetch("into", []), []
    frames = Ixy::Frames.new([step["max"], 1].max)
    1001.times do |poll|
      sleep(0.001) if poll.positive?
      count = Ixy.rx_batch(device, step["queue"], frames, step["max"] - got.size)
      count.times { |index| got << frames.get(index) }
      break if got.size >= wanted.size
    end
    equal(got.size, wanted.size, "received")
    wanted.zip(got) { |name, frame| keep(name, frame, @first_pool) }
  end

  def do_rx_none(step)
    frames = Ixy::Frames.new([step["max"], 1].max)
    equal(Ixy.rx_batch(@devices[step["device"]], step["queue"], frames, step["max"]), 0, "received")
  end

  def do_rx_until_error(step)
    frames = Ixy::Frames.new(64)
    step["polls"].times do
      count = Ixy.rx_batch(@devices[step["device"]], step["queue"], frames, 64)
      equal(Ixy.buf_free(@first_pool, frames, count), count, "freed") if count.positive?
    end
  end
end

# Returns what was wrong, or nil.
def run(steps)
  Dir.mktmpdir do |folder|
    variables = Case.new(folder)
    where = nil
    begin
      steps.each_with_index do |step, number|
        where = "step #{number}, #{step}"
        variables.perform(step)
      end
      nil
    rescue StandardError => error
      "#{where}: #{error.class}: #{error.message}"
    ensure
      variables.close
    end
  end
end

abort "vectors.rb FILE.json..." if ARGV.empty?
passed = failed = 0
ARGV.each do |name|
  JSON.parse(File.read(name))["cases"].each do |vector|
    vector.fetch("devices", [""]).each do |device|
      difference = run(JSON.parse(JSON.dump(vector["steps"]).gsub("{device}", device)))
      if difference
        failed += 1
        puts "FAILED #{name}: #{vector['name']}, #{device}: #{difference}"
      else
        passed += 1
      end
    end
  end
end
puts "Ruby vectors: #{passed} passed, #{failed} failed"
exit(failed.zero? && passed.positive?)
