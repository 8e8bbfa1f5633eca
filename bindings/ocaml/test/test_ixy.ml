(* What the shared vectors cannot say: OCaml's own forms of errors, ownership
   seen through accessors, collection, views, fork, threads. *)

open Ixy
open Support

(* ---- bytes ---- *)

let test_accessors () =
  with_pool (fun pool ->
      let b = one pool 64 in
      for i = 0 to 63 do
        Batch.set_uint8 b 0 i i
      done;
      int "uint8" 63 (Batch.get_uint8 b 0 63);
      int "uint16_be" 0x0203 (Batch.get_uint16_be b 0 2);
      int "uint16_le" 0x0302 (Batch.get_uint16_le b 0 2);
      int "uint32_be" 0x04050607 (Batch.get_uint32_be b 0 4);
      int "uint32_le" 0x07060504 (Batch.get_uint32_le b 0 4);
      Alcotest.(check int64)
        "int64_be" 0x08090a0b0c0d0e0fL (Batch.get_int64_be b 0 8);
      Alcotest.(check int64)
        "int64_le" 0x0f0e0d0c0b0a0908L (Batch.get_int64_le b 0 8);
      Batch.set_uint8 b 0 0 0x1ff;
      int "low bits" 0xff (Batch.get_uint8 b 0 0);
      Batch.add_uint8 b 0 0 2;
      int "modulo 256" 1 (Batch.get_uint8 b 0 0);
      Batch.set_uint16_be b 0 1 0x1fffe;
      int "uint16_be" 0xfffe (Batch.get_uint16_be b 0 1);
      Batch.set_uint16_le b 0 1 0xabcd;
      int "uint16_le" 0xabcd (Batch.get_uint16_le b 0 1);
      Batch.set_uint32_be b 0 1 0xfffefdfc;
      int "uint32_be" 0xfffefdfc (Batch.get_uint32_be b 0 1);
      Batch.set_uint32_le b 0 1 0x80000001;
      int "uint32_le" 0x80000001 (Batch.get_uint32_le b 0 1);
      Batch.set_int64_be b 0 1 (-2L);
      Alcotest.(check int64) "int64_be" (-2L) (Batch.get_int64_be b 0 1);
      Batch.set_int64_le b 0 1 Int64.min_int;
      Alcotest.(check int64)
        "int64_le" Int64.min_int (Batch.get_int64_le b 0 1);
      Batch.blit_of_string "xhellox" 1 b 0 59 5;
      string "sub_string" "hello" (Batch.sub_string b 0 59 5);
      let bytes = Bytes.make 7 '.' in
      Batch.blit_to_bytes b 0 60 bytes 2 4;
      string "blit_to_bytes" "..ello." (Bytes.to_string bytes);
      int "to_string" 64 (String.length (Batch.to_string b 0));
      free b)

let test_bounds () =
  with_pool (fun pool ->
      let b = one pool 60 in
      let empty = one pool 0 in
      let range what f = raises "IXY_E_RANGE" what f in
      List.iter
        (fun pos ->
          let what = Printf.sprintf "position %d" pos in
          range what (fun () -> Batch.get_uint8 empty 0 pos);
          range what (fun () -> Int64.to_int (Batch.get_int64_be empty 0 pos));
          range what (fun () -> Batch.sub_string empty 0 pos 100_000);
          range what (fun () -> Batch.sub_string b 0 pos (max_int - pos));
          range what (fun () -> Batch.sub_string b 0 pos max_int);
          range what (fun () -> Batch.sub_string b 0 pos min_int);
          range what (fun () ->
              Batch.blit_to_bytes b 0 0 (Bytes.create 10) pos 11);
          range what (fun () ->
              Batch.blit_to_bytes b 0 pos (Bytes.create 100_000) 0 100_000);
          range what (fun () -> Batch.get_uint8 b 0 pos);
          range what (fun () ->
              Batch.set_uint8 b 0 pos 0;
              0);
          range what (fun () -> Batch.get_uint16_be b 0 pos);
          range what (fun () -> Batch.get_uint32_le b 0 pos);
          range what (fun () -> Int64.to_int (Batch.get_int64_be b 0 pos)))
        [ -1; 60; 61; 1 lsl 40; max_int; min_int; min_int + 1 ];
      range "uint16 over the end" (fun () -> Batch.get_uint16_be b 0 59);
      range "uint32 over the end" (fun () -> Batch.get_uint32_be b 0 57);
      range "int64 over the end" (fun () ->
          Int64.to_int (Batch.get_int64_be b 0 53));
      int "the last uint16" 0 (Batch.get_uint16_be b 0 58 land 0);
      range "sub_string" (fun () -> Batch.sub_string b 0 58 3);
      range "sub_string of max_int" (fun () -> Batch.sub_string b 0 1 max_int);
      range "sub_string of less than 0" (fun () -> Batch.sub_string b 0 1 (-1));
      range "blit past the packet" (fun () ->
          Batch.blit_of_bytes (Bytes.create 100) 0 b 0 0 61);
      range "blit past the bytes" (fun () ->
          Batch.blit_to_bytes b 0 0 (Bytes.create 10) 1 10);
      range "blit before the bytes" (fun () ->
          Batch.blit_to_bytes b 0 0 (Bytes.create 10) (-1) 5);
      let wide = Batch.create pool 8 in
      List.iter
        (fun i ->
          let what = Printf.sprintf "frame %d" i in
          range what (fun () -> Batch.get_uint8 wide i 0);
          range what (fun () -> Batch.len wide i);
          range what (fun () -> Batch.add wide ~from:wide i))
        [ -1; 0; 8; max_int; min_int; 1 lsl 61; -(1 lsl 61) ];
      free empty;
      range "a batch of 0" (fun () -> Batch.create pool 0);
      range "a batch of 4097" (fun () -> Batch.create pool 4097);
      fails "IXY_E_RANGE" "no room" (fun () -> Batch.alloc b 1);
      fails "IXY_E_RANGE" "a negative count" (fun () -> Batch.alloc b (-1));
      free b)

let test_moving () =
  with_pool (fun pool ->
      let b = one pool 64 in
      let frame what f = raises "IXY_E_FRAME" what f in
      Batch.set_uint8 b 0 14 7;
      Batch.advance b 0 14;
      int "shorter" 50 (Batch.len b 0);
      int "the same byte" 7 (Batch.get_uint8 b 0 0);
      Batch.advance b 0 (-14 - Pool.headroom pool);
      int "with the headroom" (64 + Pool.headroom pool) (Batch.len b 0);
      frame "before the buffer" (fun () -> Batch.advance b 0 (-1));
      raises "IXY_E_RANGE" "more than there is" (fun () ->
          Batch.advance b 0 999);
      frame "past the buffer" (fun () -> Batch.set_len b 0 3000);
      frame "more than a length holds" (fun () -> Batch.set_len b 0 65536);
      frame "less than 0" (fun () -> Batch.set_len b 0 (-1));
      frame "max_int" (fun () -> Batch.set_len b 0 max_int);
      frame "min_int" (fun () -> Batch.advance b 0 min_int);
      Batch.set_len b 0 0;
      raises "IXY_E_RANGE" "an empty packet" (fun () -> Batch.get_uint8 b 0 0);
      free b)

(* ---- ownership ---- *)

let stale what b =
  raises "IXY_E_HANDLE" (what ^ ": get") (fun () -> Batch.get_uint8 b 0 0);
  raises "IXY_E_HANDLE" (what ^ ": set") (fun () -> Batch.set_uint8 b 0 0 1);
  raises "IXY_E_HANDLE" (what ^ ": add") (fun () -> Batch.add_uint8 b 0 0 1);
  raises "IXY_E_HANDLE" (what ^ ": set_len") (fun () -> Batch.set_len b 0 1);
  raises "IXY_E_HANDLE" (what ^ ": advance") (fun () -> Batch.advance b 0 1);
  raises "IXY_E_HANDLE" (what ^ ": copy") (fun () -> Batch.to_string b 0);
  fails "IXY_E_HANDLE" (what ^ ": free") (fun () -> Batch.free b);
  bool (what ^ ": is_owned") false (Batch.is_owned b 0)

let test_freed () =
  with_pool (fun pool ->
      let b = one pool 60 in
      let kept = copy b in
      bool "owned" true (Batch.is_owned kept 0);
      free b;
      stale "after free" kept;
      (* The same buffer again, with a new handle. *)
      let again = one pool 60 in
      stale "while another has it" kept;
      Batch.set_uint8 again 0 0 1;
      free again)

let test_sent () =
  with_pool (fun pool ->
      with_device pool (fun device ->
          let b = one pool 60 in
          let kept = copy b in
          int "sent" 1 (Device.tx_batch_exn device ~queue:0 b);
          int "gone from the batch" 0 (Batch.length b);
          stale "after transmit" kept;
          fails "IXY_E_HANDLE" "transmit again" (fun () ->
              Device.tx_batch device ~queue:0 kept);
          (* Twice in one batch: the first goes, the second stays. *)
          let twice = Batch.create pool 2 in
          let b = one pool 60 in
          Batch.add twice ~from:b 0;
          Batch.add twice ~from:b 0;
          int "one of two" 1 (Device.tx_batch_exn device ~queue:0 twice);
          int "the other is left" 1 (Batch.length twice);
          fails "IXY_E_HANDLE" "and stale" (fun () ->
              Device.tx_batch device ~queue:0 twice)))

let test_batches () =
  with_pool (fun pool ->
      let b = Batch.create pool 8 in
      int "8 buffers" 8 (Batch.alloc_exn b 8);
      let odd = Batch.create pool 8 and even = Batch.create pool 8 in
      for i = 0 to 7 do
        Batch.set_len b i 60;
        Batch.set_uint8 b i 0 i;
        Batch.add (if i land 1 = 1 then odd else even) ~from:b i
      done;
      Batch.clear b;
      int "empty" 0 (Batch.length b);
      raises "IXY_E_RANGE" "a frame that was taken out" (fun () ->
          Batch.get_uint8 b 0 0);
      int "sorted" 5 (Batch.get_uint8 odd 2 0);
      let full = one pool 60 in
      raises "IXY_E_RANGE" "a full batch" (fun () ->
          Batch.add full ~from:odd 0);
      with_pool (fun other ->
          let foreign = Batch.create other 2 in
          raises "IXY_E_ARGUMENT" "another pool's batch" (fun () ->
              Batch.add foreign ~from:odd 0));
      free full;
      free odd;
      free even)

let test_loop () =
  with_pool (fun pool ->
      with_device pool (fun device ->
          let out = Batch.create pool 16 and back = Batch.create pool 40 in
          int "16 buffers" 16 (Batch.alloc_exn out 16);
          for i = 0 to 15 do
            Batch.set_len out i (60 + i);
            Batch.blit_of_string (String.make (60 + i) (Char.chr i)) 0 out i 0
              (60 + i)
          done;
          int "sent" 16 (get_ok (Device.tx_batch device ~queue:0 out));
          let tries = ref 1000 in
          while Batch.length back < 16 && !tries > 0 do
            ignore (get_ok (Device.rx_batch device ~queue:0 back) : int);
            decr tries
          done;
          int "received" 16 (Batch.length back);
          for i = 0 to 15 do
            string "as sent" (String.make (60 + i) (Char.chr i))
              (Batch.to_string back i)
          done;
          int "nothing more" 0 (get_ok (Device.rx_batch device ~queue:0 back));
          let s = get_ok (Device.stats device) in
          int "tx_packets" 16 s.tx_packets;
          int "rx_packets" 16 s.rx_packets;
          free back))

(* ---- bad input ---- *)

let test_bad_input () =
  with_pool (fun pool ->
      let opened ?pool ?rx_queues ?tx_queues ?rx_ring_size address () =
        Device.open_ ?pool ?rx_queues ?tx_queues ?rx_ring_size address
      in
      List.iter
        (fun address ->
          fails "IXY_E_ADDRESS" ("address " ^ String.escaped address)
            (opened ~pool address))
        [
          ""; "emu"; "emu:"; "nothing:82599"; "emu:82599,"; "emu:82599,speed=1";
          "emu:82599,timing=never"; "emu:82599,\000"; String.make 5000 'x';
        ];
      fails "IXY_E_NOT_FOUND" "a missing pcap file"
        (opened ~pool "emu:82599,wire=pcap,in=/nonexistent/in.pcap");
      fails "IXY_E_RANGE" "too many queues"
        (opened ~pool ~rx_queues:17 "emu:82599");
      fails "IXY_E_RANGE" "-1 queues"
        (opened ~pool ~tx_queues:(-1) "emu:82599");
      (match opened ~pool ~rx_ring_size:100 "emu:82599" () with
      | Ok _ -> Alcotest.fail "a ring of 100 descriptors"
      | Result.Error _ -> ());
      (match Pool.open_ ~buffers:(-1) () with
      | Result.Error { code = Argument; _ } -> ()
      | _ -> Alcotest.fail "a pool of -1 buffers");
      (match Pool.open_ ~buffers:(1 lsl 40) () with
      | Result.Error { code = Argument; _ } -> ()
      | _ -> Alcotest.fail "a pool of 2^40 buffers");
      fails "IXY_E_ARGUMENT" "buffers of 1000 bytes" (fun () ->
          Pool.open_ ~buffer_size:1000 ());
      (* no pool: queried, not started *)
      let bare = get_ok (Device.open_ "emu:82599,timing=inline") in
      bool "emulated" true (get_ok (Device.info bare)).emulated;
      fails "IXY_E_STATE" "start without a pool" (fun () -> Device.start bare);
      get_ok (Device.close bare);
      let batch = Batch.create pool 4 in
      fails "IXY_E_HANDLE" "receive on a closed device" (fun () ->
          Device.rx_batch bare ~queue:0 batch);
      with_device pool (fun device ->
          fails "IXY_E_STATE" "start twice" (fun () -> Device.start device);
          fails "IXY_E_BUSY" "close the pool of a device" (fun () ->
              Pool.close pool);
          List.iter
            (fun queue ->
              fails "IXY_E_RANGE" "a queue that is not there" (fun () ->
                  Device.rx_batch device ~queue batch);
              fails "IXY_E_RANGE" "a queue that is not there" (fun () ->
                  Device.tx_batch device ~queue batch);
              raises "IXY_E_RANGE" "a queue that is not there" (fun () ->
                  Device.rx_batch_exn device ~queue batch))
            [ 1; 16; -1; 1 lsl 32; max_int; min_int ];
          with_pool (fun other ->
              let foreign = one other 60 in
              fails "IXY_E_ARGUMENT" "receive into another pool's batch"
                (fun () -> Device.rx_batch device ~queue:0 foreign);
              fails "IXY_E_HANDLE" "send another pool's frame" (fun () ->
                  Device.tx_batch device ~queue:0 foreign);
              free foreign);
          let empty = one pool 0 in
          fails "IXY_E_FRAME" "send nothing" (fun () ->
              Device.tx_batch device ~queue:0 empty);
          free empty;
          List.iter
            (fun mac ->
              fails "IXY_E_ARGUMENT" ("MAC " ^ mac) (fun () ->
                  Device.set_mac device mac))
            [
              ""; "02"; "02:00:00:00:00"; "02:00:00:00:00:0g"; "2:0:0:0:0:9";
              "01:00:00:00:00:09"; "00:00:00:00:00:00"; "02:00:00:00:00:09:09";
            ];
          get_ok (Device.set_mac device "02:00:00:00:AB:09");
          string "the MAC" "02:00:00:00:ab:09" (get_ok (Device.mac device));
          get_ok (Device.set_promiscuous device false);
          get_ok (Device.reset device);
          string "stays" "02:00:00:00:ab:09" (get_ok (Device.mac device));
          bool "up" true (get_ok (Device.link device)).up;
          let before = get_ok (Emu.meter device) in
          let after = get_ok (Emu.meter device) in
          bool "time goes on" true (after.cycles > before.cycles)))

let test_errors () =
  match Device.open_ "emu:82599,speed=1" with
  | Ok _ -> Alcotest.fail "an unknown option was taken"
  | Result.Error e ->
      bool "code" true (e.code = Address);
      bool "the text names the option" true (contains e.text "speed");
      bool "printed" true (contains (error_to_string e) "IXY_E_ADDRESS: ");
      bool "as an exception" true
        (contains (Printexc.to_string (Error e)) "Ixy.Error IXY_E_ADDRESS");
      for code = -19 to -1 do
        match (Raw.error code).code with
        | Unknown _ -> Alcotest.failf "code %d is unknown" code
        | _ -> ()
      done;
      bool "the last code" true ((Raw.error (-19)).code = Limit);
      bool "a later library's" true ((Raw.error (-99)).code = Unknown (-99));
      string "its name" "IXY_E_UNKNOWN" (Raw.error (-99)).name;
      string "version" "0.3.0" (version ())

let test_raw () =
  with_pool (fun pool ->
      with_device pool (fun device ->
          let b = one pool 60 in
          let raw = Raw.frames 1 in
          let put ?(handle = Batch.handle b 0) ?(offset = Batch.offset b 0)
              ?(len = 60) () =
            Raw.set raw 0 ~handle ~offset ~len
          in
          let tx name what =
            let code = Raw.tx_batch device ~queue:0 raw 1 in
            string what name (Raw.error code).name
          in
          put ~handle:0 ();
          tx "IXY_E_HANDLE" "no handle";
          put ~handle:(Batch.handle b 0 lxor (1 lsl 30)) ();
          tx "IXY_E_HANDLE" "a forged handle";
          put ~handle:max_int ();
          tx "IXY_E_HANDLE" "a handle of 62 ones";
          put ~handle:(-1) ();
          tx "IXY_E_HANDLE" "a handle of 64 ones";
          put ~offset:(Batch.offset b 0 + 4096) ();
          tx "IXY_E_FRAME" "another buffer's place";
          put ~offset:0xffff_ffff ();
          tx "IXY_E_FRAME" "past the pool";
          put ~len:65535 ();
          tx "IXY_E_FRAME" "too long";
          put ();
          int "more than the array" (-3) (Raw.tx_batch device ~queue:0 raw 2);
          int "less than none" (-3) (Raw.tx_batch device ~queue:0 raw (-1));
          let many = Raw.frames 5000 in
          int "too many to send" (-3) (Raw.tx_batch device ~queue:0 many 5000);
          int "too many to receive" (-3)
            (Raw.rx_batch device ~queue:0 many 5000);
          int "too many to take" (-3) (Raw.alloc pool many 5000);
          int "too many to free" (-3) (Raw.free pool many 5000);
          int "write" 3 (Raw.write pool raw 0 ~pos:57 (Bytes.of_string "abc"));
          int "write past the end" (-3)
            (Raw.write pool raw 0 ~pos:58 (Bytes.of_string "abc"));
          int "read no frame" (-3) (Raw.read pool raw (-1) ~pos:0 Bytes.empty);
          int "read no frame" (-3) (Raw.read pool raw 1 ~pos:0 Bytes.empty);
          string "the batch sees it" "abc" (Batch.sub_string b 0 57 3);
          free b))

let test_exhausted () =
  with_pool ~buffers:64 (fun pool ->
      let b = Batch.create pool 100 in
      int "what there was" 64 (Batch.alloc_exn b 100);
      fails "IXY_E_NO_BUFFERS" "none is left" (fun () -> Batch.alloc b 1);
      fails "IXY_E_POOL_SIZE" "a ring" (fun () ->
          Device.open_ ~pool "emu:82599,timing=inline");
      free b)

(* ---- closing, collecting, views ---- *)

let test_closed () =
  let pool = get_ok (Pool.open_ ~buffers:64 ()) in
  let b = one pool 60 in
  let view = Pool.unsafe_bigarray pool in
  let at = Batch.offset b 0 in
  Batch.set_uint8 b 0 0 42;
  int "the view sees it" 42 (Char.code (Bigarray.Array1.get view at));
  get_ok (Pool.close pool);
  stale "after the pool's close" b;
  int "the view reads zeroes" 0 (Char.code (Bigarray.Array1.get view at));
  fails "IXY_E_HANDLE" "close twice" (fun () -> Pool.close pool);
  fails "IXY_E_HANDLE" "free_count" (fun () -> Pool.free_count pool);
  fails "IXY_E_HANDLE" "open a device on it" (fun () ->
      Device.open_ ~pool "emu:82599");
  fails "IXY_E_HANDLE" "alloc" (fun () -> Batch.alloc (Batch.create pool 1) 1)

let test_features () =
  let features address =
    let found = ref [] in
    with_pool (fun pool ->
        with_device ~address pool (fun device ->
            found := get_ok (Device.features device)));
    !found
  in
  let list = Alcotest.(check (list string)) in
  list "Intel's devices negotiate nothing" []
    (features "emu:82599,timing=inline");
  let split = features "emu:virtio,timing=inline" in
  bool "VERSION_1" true (List.mem "VERSION_1" split);
  let packed = features "emu:virtio,ring=packed,timing=inline" in
  list "what a packed ring adds" [ "RING_PACKED" ]
    (List.filter (fun name -> not (List.mem name split)) packed);
  int "each once" (List.length split + 1) (List.length packed)

let test_closed_device () =
  with_pool (fun pool ->
      let device = get_ok (Device.open_ ~pool "emu:82599,timing=inline") in
      get_ok (Device.start device);
      let b = one pool 60 in
      get_ok (Device.close device);
      let control what f = fails "IXY_E_HANDLE" what f in
      control "close" (fun () -> Device.close device);
      control "start" (fun () -> Device.start device);
      control "reset" (fun () -> Device.reset device);
      control "info" (fun () -> Device.info device);
      control "link" (fun () -> Device.link device);
      control "stats" (fun () -> Device.stats device);
      control "queue_stats" (fun () -> Device.queue_stats device ~queue:0);
      control "rx_descr" (fun () -> Device.rx_descr device ~queue:0);
      control "rx_arm" (fun () -> Device.rx_arm device ~queue:0);
      control "rx_wait" (fun () -> Device.rx_wait device ~queue:0);
      control "features" (fun () -> Device.features device);
      control "mac" (fun () -> Device.mac device);
      control "set_mac" (fun () -> Device.set_mac device "02:00:00:00:00:09");
      control "set_promiscuous" (fun () -> Device.set_promiscuous device true);
      control "counters" (fun () -> Emu.counters device);
      control "meter" (fun () -> Emu.meter device);
      control "violations" (fun () -> Emu.violations device);
      control "rx_batch" (fun () ->
          Device.rx_batch device ~queue:0 (Batch.create pool 1));
      control "tx_batch" (fun () -> Device.tx_batch device ~queue:0 b);
      int "the frame is still the program's" 60 (Batch.len b 0);
      bool "the frame is still the program's" true (Batch.is_owned b 0);
      free b)

(* A part of a view, whose pool and whole view are gone. *)
let part_of_a_forgotten_pool () =
  let pool = get_ok (Pool.open_ ~buffers:64 ()) in
  let view = Pool.unsafe_bigarray pool in
  Bigarray.Array1.fill view 'x';
  Bigarray.Array1.sub view 4096 64

let test_part_outlives () =
  let parts = List.init 20 (fun _ -> part_of_a_forgotten_pool ()) in
  Gc.full_major ();
  Gc.full_major ();
  List.iter
    (fun part ->
      for i = 0 to 63 do
        int "closed when collected, still mapped" 0
          (Char.code (Bigarray.Array1.get part i))
      done)
    parts

(* More pools and devices than there may be at once: each is forgotten. The
   collector runs between them; a limit that is reached means that one was not
   closed. *)
let test_forgotten () =
  let forget i =
    let pool = get_ok (Pool.open_ ~buffers:2048 ()) in
    let device = get_ok (Device.open_ ~pool "emu:82599,timing=inline") in
    if i land 1 = 0 then get_ok (Device.start device);
    let b = Batch.create pool 4 in
    int "4 buffers" 4 (Batch.alloc_exn b 4);
    if i land 3 = 3 then get_ok (Device.close device)
  in
  for i = 1 to 200 do
    forget i;
    if i mod 10 = 0 then (
      (* the first closes the devices, the last unmaps the views *)
      Gc.full_major ();
      Gc.full_major ())
  done

let test_stress () =
  let control = Gc.get () in
  Gc.set { control with minor_heap_size = 4096; space_overhead = 20 };
  Fun.protect
    ~finally:(fun () -> Gc.set control)
    (fun () ->
      with_pool (fun pool ->
          with_device pool (fun device ->
              let b = Batch.create pool 32 in
              for round = 1 to 500 do
                int "32 buffers" 32 (Batch.alloc_exn b 32);
                let texts =
                  List.init 32 (fun i ->
                      let text = Printf.sprintf "%060d" ((round * 32) + i) in
                      Batch.set_len b i 60;
                      Batch.blit_of_string text 0 b i 0 60;
                      text)
                in
                int "sent" 32 (get_ok (Device.tx_batch device ~queue:0 b));
                while Batch.length b < 32 do
                  ignore (get_ok (Device.rx_batch device ~queue:0 b) : int)
                done;
                List.iteri
                  (fun i text -> string "round" text (Batch.to_string b i))
                  texts;
                if round mod 50 = 0 then Gc.compact ();
                free b
              done)))

(* The hot calls and accessors allocate nothing. *)
let test_no_allocation () =
  with_pool (fun pool ->
      with_device pool (fun device ->
          let b = Batch.create pool 32 in
          let round () =
            ignore (Batch.alloc_exn b 32 : int);
            for i = 0 to 31 do
              Batch.set_len b i 60;
              Batch.set_uint8 b i 48 (Batch.get_uint8 b i 48 + 1);
              Batch.set_uint16_be b i 12 (Batch.get_uint16_be b i 10);
              Batch.set_uint32_le b i 20 (Batch.get_uint32_be b i 16)
            done;
            ignore (Device.tx_batch_exn device ~queue:0 b : int);
            ignore (Device.rx_batch_exn device ~queue:0 b : int);
            ignore (Batch.free_exn b : int)
          in
          round ();
          let before = Gc.minor_words () in
          for _ = 1 to 1000 do
            round ()
          done;
          let words = Gc.minor_words () -. before in
          (* The two floats themselves. *)
          if Sys.backend_type = Sys.Native && words > 100. then
            Alcotest.failf "1000 rounds allocated %.0f words" words;
          ignore (get_ok (Device.rx_batch device ~queue:0 b) : int);
          free b;
          while Device.rx_batch_exn device ~queue:0 b > 0 do
            free b
          done))

(* ---- processes and threads ---- *)

(* What [f] says in a child process. *)
let in_child f =
  let read, write = Unix.pipe () in
  match Unix.fork () with
  | 0 ->
      let text = match f () with t -> t | exception e -> Printexc.to_string e in
      ignore (Unix.write_substring write text 0 (String.length text) : int);
      Unix._exit 0
  | child ->
      Unix.close write;
      let buffer = Bytes.create 4096 in
      let n = Unix.read read buffer 0 4096 in
      let _, status = Unix.waitpid [] child in
      Unix.close read;
      bool "the child ended well" true (status = Unix.WEXITED 0);
      Bytes.sub_string buffer 0 n

let name = function Ok _ -> "ok" | Result.Error e -> e.name

let test_tap () =
  string "a user without the right to open a tap" "IXY_E_PERMISSION"
    (in_child (fun () ->
         if Unix.getuid () = 0 then Unix.setuid 65534;
         name (Device.open_ "emu:82599,tap=ixyocaml0")))

let test_fork () =
  with_pool (fun pool ->
      let device = get_ok (Device.open_ ~pool "emu:82599,timing=inline") in
      get_ok (Device.start device);
      let b = one pool 60 in
      Batch.set_uint8 b 0 0 42;
      string "the child's answers"
        "IXY_E_FORK IXY_E_FORK IXY_E_FORK IXY_E_FORK IXY_E_FORK none of it ok"
        (in_child (fun () ->
             let access =
               match Batch.get_uint8 b 0 0 with
               | 42 -> "the parent's memory"
               | _ -> "none of it"
               | exception Error _ -> "none of it"
             in
             let anew =
               match Pool.open_ ~buffers:64 () with
               | Ok p -> name (Pool.close p)
               | Result.Error e -> e.name
             in
             String.concat " "
               [
                 name (Device.stats device);
                 name (Device.rx_batch device ~queue:0 (Batch.create pool 1));
                 name (Device.tx_batch device ~queue:0 b);
                 name (Batch.free b);
                 name (Pool.free_count pool);
                 access;
                 anew;
               ]));
      int "the parent goes on" 42 (Batch.get_uint8 b 0 0);
      free b;
      get_ok (Device.close device))

(* Each thread sees the text of its own failure. *)
let test_threads () =
  let wrong = Atomic.make 0 in
  let worker n =
    for i = 1 to 100 do
      let option = Printf.sprintf "opt%dx%d" n i in
      match Device.open_ ("emu:82599," ^ option ^ "=1") with
      | Result.Error { code = Address; text; _ } when contains text option -> ()
      | _ -> Atomic.incr wrong
    done
  in
  List.iter Thread.join (List.init 4 (Thread.create worker));
  int "texts of others" 0 (Atomic.get wrong)

let () =
  let case name f = Alcotest.test_case name `Quick f in
  Alcotest.run "ixy"
    [
      ( "bytes",
        [
          case "accessors" test_accessors;
          case "bounds" test_bounds;
          case "moving a packet's ends" test_moving;
        ] );
      ( "ownership",
        [
          case "freed" test_freed;
          case "sent" test_sent;
          case "batches" test_batches;
          case "loop" test_loop;
        ] );
      ( "bad input",
        [
          case "calls" test_bad_input;
          case "errors" test_errors;
          case "raw" test_raw;
          case "exhausted pool" test_exhausted;
        ] );
      ( "ends",
        [
          case "closed pool" test_closed;
          case "closed device" test_closed_device;
          case "features" test_features;
          case "part of a view outlives its pool" test_part_outlives;
          case "forgotten pools and devices" test_forgotten;
          case "stress" test_stress;
          case "no allocation" test_no_allocation;
        ] );
      ( "system",
        [
          case "tap without permission" test_tap;
          case "fork" test_fork;
          case "threads" test_threads;
        ] );
    ]
