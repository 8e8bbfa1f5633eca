(* The same through generated stubs and through libffi: frames out of a pool,
   written, sent over a loop, received, read; what errors say. *)

open Ctypes
open Unsigned

let u32 = UInt32.of_int

let equal name expected found =
  if expected <> found then
    failwith (Printf.sprintf "%s: %d instead of %d" name found expected)

module Test (Calls : Ixy_calls.S) = struct
  open Calls

  let text pointer = coerce (ptr char) string pointer

  let check name code =
    if code < 0l then
      failwith (Printf.sprintf "%s: %s" name (text (ixy_last_error ())))
    else Int32.to_int code

  let address = CArray.of_string "emu:82599,wire=loop,timing=inline"

  let opened name call =
    let handle = allocate uint64_t UInt64.zero in
    equal name 0 (check name (call handle));
    !@handle

  let each f frames =
    List.iteri f (CArray.to_list frames)

  let run what =
    equal "ixy_abi_version" 1 (UInt32.to_int (ixy_abi_version ()));
    let pool_config = make Ixy_types.ixy_pool_config in
    setf pool_config Ixy_types.pool_config_struct_size
      (u32 (sizeof Ixy_types.ixy_pool_config));
    setf pool_config Ixy_types.pool_config_buffer_count (u32 4096);
    setf pool_config Ixy_types.pool_config_buffer_size UInt32.zero;
    setf pool_config Ixy_types.pool_config_reserved UInt32.zero;
    let pool = opened "ixy_pool_open" (ixy_pool_open (addr pool_config)) in
    equal "ixy_pool_free_count" 4096
      (check "ixy_pool_free_count" (ixy_pool_free_count pool));

    let config =
      coerce (ptr void) (ptr Ixy_types.ixy_device_config)
        (to_voidp
           (CArray.start
              (CArray.make char ~initial:'\000'
                 (sizeof Ixy_types.ixy_device_config))))
    in
    config |-> Ixy_types.device_config_struct_size
    <-@ u32 (sizeof Ixy_types.ixy_device_config);
    config |-> Ixy_types.device_config_pool <-@ pool;
    let device =
      opened "ixy_device_open" (ixy_device_open (CArray.start address) config)
    in
    ignore (check "ixy_device_start" (ixy_device_start device) : int);

    let frames = CArray.make Ixy_types.ixy_frame 8 in
    equal "ixy_buf_alloc" 8
      (check "ixy_buf_alloc" (ixy_buf_alloc pool (CArray.start frames) (u32 8)));
    let bytes = CArray.of_list char (List.init 60 Char.chr) in
    each
      (fun i frame ->
        setf frame Ixy_types.frame_len (UInt16.of_int 60);
        CArray.set bytes 20 (Char.chr (100 + i));
        equal "ixy_buf_write" 60
          (check "ixy_buf_write"
             (ixy_buf_write pool (addr frame) UInt32.zero
                (to_voidp (CArray.start bytes))
                (u32 60))))
      frames;
    equal "ixy_tx_batch" 8
      (check "ixy_tx_batch"
         (ixy_tx_batch device UInt32.zero (CArray.start frames) (u32 8)));
    equal "ixy_tx_batch of stale frames" (-1)
      (compare
         (ixy_tx_batch device UInt32.zero (CArray.start frames) (u32 8))
         0l);

    let rec receive done_ tries =
      if done_ < 8 && tries > 0 then (
        let got =
          check "ixy_rx_batch"
            (ixy_rx_batch device UInt32.zero
               (CArray.start frames +@ done_)
               (u32 (8 - done_)))
        in
        receive (done_ + got) (tries - 1))
      else equal "frames received" 8 done_
    in
    receive 0 1000;
    each
      (fun i frame ->
        equal "length" 60 (UInt16.to_int (getf frame Ixy_types.frame_len));
        equal "ixy_buf_read" 1
          (check "ixy_buf_read"
             (ixy_buf_read pool (addr frame) (u32 20)
                (to_voidp (CArray.start bytes))
                (u32 1)));
        equal "byte 20" (100 + i) (Char.code (CArray.get bytes 0)))
      frames;
    equal "ixy_buf_free" 8
      (check "ixy_buf_free" (ixy_buf_free pool (CArray.start frames) (u32 8)));

    let stats = make Ixy_types.ixy_stats in
    setf stats Ixy_types.stats_struct_size (u32 (sizeof Ixy_types.ixy_stats));
    equal "ixy_device_stats" 0
      (check "ixy_device_stats" (ixy_device_stats device (addr stats)));
    equal "rx_packets" 8
      (UInt64.to_int (getf stats Ixy_types.stats_rx_packets));

    (* More pools and views than there may be at once. *)
    let view = make Ixy_types.ixy_view in
    setf pool_config Ixy_types.pool_config_buffer_count (u32 16);
    for _ = 1 to 3000 do
      let many = opened "ixy_pool_open" (ixy_pool_open (addr pool_config)) in
      setf view Ixy_types.view_struct_size (u32 (sizeof Ixy_types.ixy_view));
      equal "ixy_pool_view" 0
        (check "ixy_pool_view" (ixy_pool_view many (addr view)));
      equal "ixy_pool_close" 0 (check "close" (ixy_pool_close many));
      equal "ixy_pool_view_release" 0
        (check "release"
           (ixy_pool_view_release (getf view Ixy_types.view_view)))
    done;

    equal "ixy_device_close" 0 (check "close" (ixy_device_close device));
    equal "ixy_pool_close" 0 (check "close" (ixy_pool_close pool));
    let code = ixy_pool_close pool in
    if text (ixy_error_name code) <> "IXY_E_HANDLE" || text (ixy_last_error ()) = ""
    then failwith "a pool that is closed can be closed again";
    print_endline (what ^ ": passed")
end

module Stubs = Test (Ixy_stubs)
module Libffi = Test (Ixy_foreign)

let () =
  Stubs.run "ocaml-ctypes, generated stubs";
  Libffi.run "ocaml-ctypes over libffi"
