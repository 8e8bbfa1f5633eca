(* The benchmark's workload in OCaml over ocaml-ctypes, whichever way its calls
   are made. Frames and packet memory are Bigarrays over the same memory; as in
   C, the packet is written where the frame says, and transmit checks ownership
   and bounds. *)

open Bigarray
open Ctypes
open Unsigned
open Workload
module T = Ixy_types

type frames = (int, int_elt, c_layout) Array1.t
type memory = (int, int8_unsigned_elt, c_layout) Array1.t

module Make (Calls : Ixy_calls.S) = struct
  open Calls

  let check name code =
    if code < 0l then
      failwith (name ^ ": " ^ coerce (ptr char) string (ixy_last_error ()))
    else Int32.to_int code

  (* A struct of zeroes. *)
  let record kind size_member =
    let zeroes = CArray.make char ~initial:'\000' (sizeof kind) in
    let record = from_voidp kind (to_voidp (CArray.start zeroes)) in
    record |-> size_member <-@ UInt32.of_int (sizeof kind);
    record

  let handle_of name call =
    let handle = allocate uint64_t UInt64.zero in
    ignore (check name (call handle) : int);
    !@handle

  let long record member = UInt64.to_int !@(record |-> member)
  let int record member = UInt32.to_int !@(record |-> member)

  let port device =
    let meter = record T.ixy_emu_meter T.emu_meter_struct_size in
    let counters = record T.ixy_emu_counters T.emu_counters_struct_size in
    let stats = record T.ixy_stats T.stats_struct_size in
    let fill name call record = ignore (check name (call device record) : int) in
    {
      meter =
        (fun () ->
          fill "ixy_emu_meter_get" ixy_emu_meter_get meter;
          {
            bracket_cycles = int meter T.emu_meter_bracket_cycles;
            cycles = long meter T.emu_meter_cycles;
            nanoseconds = long meter T.emu_meter_nanoseconds;
            model_cycles = long meter T.emu_meter_model_cycles;
            steps = long meter T.emu_meter_steps;
            idle_steps = long meter T.emu_meter_idle_steps;
          });
      counters =
        (fun () ->
          fill "ixy_emu_counters_get" ixy_emu_counters_get counters;
          fill "ixy_device_stats" ixy_device_stats stats;
          {
            generated = long counters T.emu_counters_generated;
            verified = long counters T.emu_counters_verified;
            damaged = long counters T.emu_counters_damaged;
            repeated = long counters T.emu_counters_repeated;
            foreign = long counters T.emu_counters_foreign;
            violations = int counters T.emu_counters_violations;
            rx_missed = long stats T.stats_rx_missed;
          });
    }

  (* The arrays of a run, and where C finds them. *)
  type work = {
    pool : UInt64.t;
    memory : memory;
    frames : frames;  (** two a frame: its handle, then offset and length *)
    first : T.ixy_frame structure ptr;
    batch : UInt32.t;
  }

  let work pool (view : T.ixy_view structure ptr) batch =
    let frames = Array1.create Int C_layout (2 * batch) in
    let bytes = !@(view |-> T.view_base) in
    {
      pool;
      memory =
        bigarray_of_ptr array1 (long view T.view_size) Int8_unsigned
          (coerce (ptr uint8_t) (ptr int8_t) bytes |> to_voidp
          |> from_voidp (typ_of_bigarray_kind Int8_unsigned));
      frames;
      first =
        from_voidp T.ixy_frame (to_voidp (bigarray_start array1 frames));
      batch = UInt32.of_int batch;
    }

  let[@inline never] touch work count =
    for i = 0 to count - 1 do
      let at =
        (work.frames.{(2 * i) + 1} land 0xffff_ffff) + touched_byte
      in
      work.memory.{at} <- work.memory.{at} + 1
    done

  let queue = UInt32.zero

  let free work sent received =
    check "ixy_buf_free"
      (ixy_buf_free work.pool (work.first +@ sent)
         (UInt32.of_int (received - sent)))

  let forward run work from into =
    let received = Int32.to_int (ixy_rx_batch from queue work.first work.batch) in
    run.polls <- run.polls + 1;
    if received = 0 then run.empty_polls <- run.empty_polls + 1
    else if received < 0 then failwith "ixy_rx_batch"
    else (
      touch work received;
      let sent =
        Int32.to_int
          (ixy_tx_batch into queue work.first (UInt32.of_int received))
      in
      if sent < 0 then failwith "ixy_tx_batch";
      if sent < received then run.freed <- run.freed + free work sent received;
      run.received <- run.received + received);
    received

  let[@inline never] forward_all run work a b =
    forward_until_all run (fun () ->
        let there = forward run work a b in
        there + forward run work b a)

  let finally call handle () = ignore (call handle : int32)

  let with_pool f =
    let config = record T.ixy_pool_config T.pool_config_struct_size in
    let pool = handle_of "ixy_pool_open" (ixy_pool_open config) in
    Fun.protect ~finally:(finally ixy_pool_close pool) (fun () ->
        let view = record T.ixy_view T.view_struct_size in
        ignore (check "ixy_pool_view" (ixy_pool_view pool view) : int);
        Fun.protect
          ~finally:(finally ixy_pool_view_release !@(view |-> T.view_view))
          (fun () -> f pool view))

  let with_device pool address f =
    let config = record T.ixy_device_config T.device_config_struct_size in
    config |-> T.device_config_pool <-@ pool;
    let text = CArray.of_string address in
    let device =
      handle_of "ixy_device_open" (ixy_device_open (CArray.start text) config)
    in
    Fun.protect ~finally:(finally ixy_device_close device) (fun () -> f device)

  let start device =
    ignore (check "ixy_device_start" (ixy_device_start device) : int)

  let measure ~batch ~frames address =
    with_pool (fun pool view ->
        with_device pool address (fun a ->
            with_device pool address (fun b ->
                start a;
                start b;
                let work = work pool view batch in
                let run = run frames (port a) (port b) in
                figures run (fun () -> forward_all run work a b))))

  let call count =
    with_pool (fun pool view ->
        with_device pool calls_address (fun device ->
            start device;
            let work = work pool view 1 in
            call_figures (port device) count (fun () ->
                for _ = 1 to count do
                  ignore
                    (ixy_rx_batch device queue work.first UInt32.zero : int32)
                done)))

  let serve variant =
    serve { variant; forward = measure; call; explain = (fun _ -> None) }
end
