(* When objects end, and what is interrupted: many pools, forgotten ones,
   copies, signal handlers and exceptions at any moment, descriptors. *)

open Ixy
open Support
open Marks

(* As many pools and devices as there may be at once: fails when one was lost.
   What is forgotten may need a collection. *)
let all_are_there () =
  Gc.full_major ();
  let pools = List.init 64 (fun _ -> get_ok (Pool.open_ ~buffers:64 ())) in
  let devices =
    List.init 64 (fun _ -> get_ok (Device.open_ "emu:82599,timing=inline"))
  in
  fails "IXY_E_LIMIT" "one pool more" (fun () -> Pool.open_ ~buffers:64 ());
  fails "IXY_E_LIMIT" "one device more" (fun () ->
      Device.open_ "emu:82599,timing=inline");
  List.iter (fun device -> get_ok (Device.close device)) devices;
  List.iter (fun pool -> get_ok (Pool.close pool)) pools

(* ---- many ---- *)

(* The library holds 1024 views, which only the collector releases. *)
let test_many_closed () =
  for _ = 1 to 3000 do
    get_ok (Pool.close (get_ok (Pool.open_ ~buffers:16 ())))
  done;
  all_are_there ()

(* Nobody collects but the calls that find no room. *)
let test_many_forgotten () =
  for _ = 1 to 300 do
    let pool = get_ok (Pool.open_ ~buffers:2048 ()) in
    ignore (get_ok (Device.open_ ~pool "emu:82599,timing=inline") : Device.t)
  done;
  all_are_there ()

(* ---- interrupted ---- *)

exception Interrupted

(* One of each control call that opens, closes or waits. *)
let session device_too =
  let pool = get_ok (Pool.open_ ~buffers:2048 ()) in
  if device_too then (
    let device = get_ok (Device.open_ ~pool "emu:82599") in
    get_ok (Device.start device);
    ignore (get_ok (Device.rx_wait ~timeout:0.001 device ~queue:0) : bool);
    ignore (get_ok (Device.reset device));
    get_ok (Device.close device));
  get_ok (Pool.close pool)

(* An exception at the nth allocation of [f], for each n until [f] comes to its
   end. Allocations are where signal handlers and finalisers run, too. *)
let at_each_allocation f =
  let interrupted n =
    let left = ref n in
    let allocated _ =
      decr left;
      if !left = 0 then raise Interrupted;
      None
    in
    let tracker =
      {
        Gc.Memprof.null_tracker with
        alloc_minor = allocated;
        alloc_major = allocated;
      }
    in
    let interrupted =
      match
        let _memprof =
          Gc.Memprof.start ~sampling_rate:1. ~callstack_size:0 tracker
        in
        f ()
      with
      | () -> false
      | exception Interrupted -> true
    in
    (* what was not raised before may be raised here *)
    (try Gc.Memprof.stop ()
     with Interrupted -> ( try Gc.Memprof.stop () with Failure _ -> ()));
    interrupted
  in
  let rec from n = if interrupted n then from (n + 1) else n - 1 in
  from 1

let test_allocations () =
  let times = at_each_allocation (fun () -> session false) in
  let times = times + at_each_allocation (fun () -> session true) in
  bool "it was interrupted" true (times > 10);
  all_are_there ()

(* A timer whose handler raises while [f] runs. *)
let with_raising_timer seconds f =
  let armed = ref true in
  let handler _ = if !armed then raise Interrupted in
  let before = Sys.signal Sys.sigalrm (Sys.Signal_handle handler) in
  let set it_value =
    ignore
      (Unix.setitimer Unix.ITIMER_REAL { Unix.it_interval = 0.; it_value }
        : Unix.interval_timer_status)
  in
  (* It may raise before [f], in it or behind it, but once, and not later. *)
  let interrupted =
    match
      set seconds;
      f ();
      armed := false
    with
    | () -> false
    | exception Interrupted -> true
  in
  set 0.;
  Sys.set_signal Sys.sigalrm before;
  interrupted

let test_signals () =
  let times = ref 0 in
  let deadline = Unix.gettimeofday () +. 20. in
  let round = ref 0 in
  while !times < 200 && Unix.gettimeofday () < deadline do
    incr round;
    (* from 20 us on: through the session and somewhat past it *)
    let seconds = 2e-5 *. float_of_int (1 + (!round mod 150)) in
    if with_raising_timer seconds (fun () -> session true) then incr times;
    (* pools are closed once they are collected, as is documented *)
    if !round mod 20 = 0 then Gc.full_major ()
  done;
  bool "it was interrupted" true (!times > 50);
  all_are_there ();
  let detail =
    "the handler's exception; what was opened is closed, no queue stays taken"
  in
  column "interrupted" "run time" ~batch:detail ~raw:detail

let test_wait_goes_on () =
  with_pool (fun pool ->
      with_device ~address:"emu:82599" pool (fun device ->
          let wait timeout =
            get_ok (Device.rx_wait ~timeout device ~queue:0)
          in
          for i = 1 to 100 do
            ignore
              (with_raising_timer
                 (1e-5 *. float_of_int i)
                 (fun () -> ignore (wait 0.001 : bool))
                : bool)
          done;
          bool "the queue is free" false (wait 0.)))

(* A large batch of which few are sent at a time: the frames that stay are moved
   to its front, and none gets lost or comes twice. *)
let test_batch_stays_whole () =
  with_pool ~buffers:6000 (fun pool ->
      let device =
        get_ok (Device.open_ ~pool ~tx_ring_size:64 "emu:82599,timing=inline")
      in
      get_ok (Device.start device);
      let b = Batch.create pool Ixy.batch_max in
      let times = ref 0 in
      for i = 1 to 300 do
        ignore (Batch.alloc b (Ixy.batch_max - Batch.length b));
        for i = 0 to Batch.length b - 1 do
          Batch.set_len b i 60
        done;
        if
          with_raising_timer
            (1e-6 *. float_of_int (5 + (i mod 40)))
            (fun () ->
              while Device.tx_batch_exn device ~queue:0 b >= 0 do
                ()
              done)
        then incr times;
        for i = 0 to Batch.length b - 1 do
          if not (Batch.is_owned b i) then
            Alcotest.failf "frame %d of %d is not the program's" i
              (Batch.length b)
        done
      done;
      bool "it was interrupted" true (!times > 100);
      free b;
      get_ok (Device.close device))

(* ---- copied ---- *)

let abstract what f =
  match f () with
  | () -> Alcotest.failf "%s: no exception" what
  | exception (Invalid_argument text | Failure text) ->
      bool (what ^ ": " ^ text) true (contains text "abstract value")

let refuses_copies what object_ other =
  abstract (what ^ ", marshalled") (fun () ->
      ignore (Marshal.to_string object_ [] : string));
  abstract (what ^ ", in a list, with sharing") (fun () ->
      ignore (Marshal.to_string [ object_ ] [ Marshal.Closures ] : string));
  abstract (what ^ ", =") (fun () -> ignore (object_ = other : bool));
  abstract (what ^ ", compare") (fun () ->
      ignore (compare object_ other : int));
  ignore (Hashtbl.hash object_ : int)

let duplicate x = Obj.obj (Obj.dup (Obj.repr x))

let test_copies () =
  with_pool ~buffers:4096 (fun pool ->
      with_pool (fun other ->
          refuses_copies "pool" pool other;
          let b = one pool 60 in
          refuses_copies "batch" b (Batch.create pool 1);
          free b);
      with_device pool (fun device ->
          with_device pool (fun other -> refuses_copies "device" device other)));
  (* A copy that Obj makes is the same object under another name. *)
  let copies =
    let pool = get_ok (Pool.open_ ~buffers:2048 ()) in
    let device = get_ok (Device.open_ ~pool "emu:82599,timing=inline") in
    (duplicate pool, (duplicate device : Device.t))
  in
  Gc.full_major ();
  Gc.full_major ();
  let pool, device = copies in
  get_ok (Device.start device);
  let b = one pool 60 in
  let again = duplicate b in
  int "sent" 1 (Device.tx_batch_exn device ~queue:0 b);
  raises "IXY_E_HANDLE" "the copy's frame" (fun () ->
      Batch.get_uint8 again 0 0);
  fails "IXY_E_HANDLE" "sent again" (fun () ->
      Device.tx_batch device ~queue:0 again);
  get_ok (Device.close device);
  get_ok (Pool.close pool);
  fails "IXY_E_HANDLE" "closed again" (fun () -> Device.close device);
  fails "IXY_E_HANDLE" "closed again" (fun () -> Pool.close pool);
  mark batch "object copied" "run time"
    "compare and Marshal: abstract value; of two copies by Obj the second's \
     use is Error { code = Handle }"

let test_raw_copies () =
  with_pool (fun pool ->
      let b = one pool 60 in
      Batch.blit_of_string (String.make 60 'a') 0 b 0 0 60;
      let frames = Raw.frames 1 in
      Raw.set frames 0 ~handle:(Batch.handle b 0) ~offset:(Batch.offset b 0)
        ~len:60;
      let copy : Raw.frames =
        Marshal.from_string (Marshal.to_string frames []) 0
      in
      let part =
        Bigarray.Array1.sub (Pool.unsafe_bigarray pool) (Batch.offset b 0) 60
      in
      let bytes : (char, _, _) Bigarray.Array1.t =
        Marshal.from_string (Marshal.to_string part []) 0
      in
      bool "equal" true (bytes = part);
      Bigarray.Array1.set bytes 0 'x';
      int "the packet is as it was" (Char.code 'a') (Batch.get_uint8 b 0 0);
      int "freed" 1 (Raw.free pool frames 1);
      string "the copy" "IXY_E_HANDLE" (Raw.error (Raw.free pool copy 1)).name;
      mark raw "object copied" "run time"
        "IXY_E_HANDLE for the second of two copies of a frame";
      mark raw "object copied" "contained"
        "a marshalled Bigarray is a copy of the bytes")

(* Finalisers of the program's own, and at_exit, find objects that work or say
   that they are closed. *)
let test_own_finalisers () =
  let said = ref [] in
  let forget () =
    let pool = get_ok (Pool.open_ ~buffers:2048 ()) in
    let device = get_ok (Device.open_ ~pool "emu:82599,timing=inline") in
    let b = one pool 60 in
    let look _ =
      (match Device.stats device with
      | Ok _ -> said := "open" :: !said
      | Result.Error e -> said := e.name :: !said);
      match Batch.get_uint8 b 0 0 with
      | _ -> said := "open" :: !said
      | exception Error e -> said := e.name :: !said
    in
    Gc.finalise look (ref pool);
    Gc.finalise look (ref device)
  in
  forget ();
  Gc.full_major ();
  Gc.full_major ();
  int "both looked" 4 (List.length !said);
  List.iter
    (fun word -> bool word true (List.mem word [ "open"; "IXY_E_HANDLE" ]))
    !said;
  all_are_there ()

(* ---- descriptors ---- *)

(* On Unix a descriptor is its number. *)
let number : Unix.file_descr -> int = Obj.magic

let flags descr =
  let channel =
    open_in (Printf.sprintf "/proc/self/fdinfo/%d" (number descr))
  in
  let rec find () =
    match String.split_on_char '\t' (input_line channel) with
    | [ "flags:"; octal ] -> int_of_string ("0o" ^ String.trim octal)
    | _ -> find ()
  in
  Fun.protect ~finally:(fun () -> close_in channel) find

let test_descriptors () =
  List.iter
    (fun address ->
      with_pool (fun pool ->
          let device = get_ok (Device.open_ ~pool address) in
          get_ok (Device.start device);
          let descr () = get_ok (Device.rx_descr device ~queue:0) in
          let kept = descr () and closed = descr () in
          bool "each is the caller's own" true (kept <> closed);
          bool "closed by exec" true (flags kept land 0o2000000 <> 0);
          Unix.close closed;
          (* Another file gets the number, and is left alone. *)
          let read, write = Unix.pipe () in
          int "the number" (number closed) (number read);
          bool "nothing is there" false
            (get_ok (Device.rx_arm device ~queue:0));
          int "sent" 1 (Device.tx_batch_exn device ~queue:0 (one pool 60));
          bool "a packet wakes" true
            (get_ok (Device.rx_wait ~timeout:20. device ~queue:0));
          bool "the other one tells it" true
            (Unix.select [ kept ] [] [] 20. <> ([], [], []));
          let b = Batch.create pool 2 in
          int "received" 1 (Device.rx_batch_exn device ~queue:0 b);
          free b;
          get_ok (Device.reset device);
          bool "nothing is in the pipe" true
            (Unix.select [ read ] [] [] 0. = ([], [], []));
          int "written" 4 (Unix.write_substring write "mine" 0 4);
          get_ok (Device.close device);
          bool "a close wakes who still watches" true
            (Unix.select [ kept ] [] [] 20. <> ([], [], []));
          let bytes = Bytes.create 8 in
          int "read" 4 (Unix.read read bytes 0 8);
          string "what was written" "mine" (Bytes.sub_string bytes 0 4);
          List.iter Unix.close [ kept; read; write ]))
    [ "emu:82599"; "emu:virtio" ];
  let detail = "rx_descr gives a duplicate: nobody else loses anything" in
  column "descriptor closed" "contained" ~batch:detail ~raw:detail

let () =
  let case name f = Alcotest.test_case name `Quick f in
  Alcotest.run "lifetimes"
    [
      ( "many",
        [
          case "3000 pools opened and closed" test_many_closed;
          case "300 pools and devices forgotten" test_many_forgotten;
        ] );
      ( "interrupted",
        [
          case "at each allocation" test_allocations;
          case "by signals" test_signals;
          case "waiting goes on" test_wait_goes_on;
          case "a batch stays whole" test_batch_stays_whole;
        ] );
      ( "copied",
        [
          case "pools, devices, batches" test_copies;
          case "frames and bytes" test_raw_copies;
          case "finalisers of the program" test_own_finalisers;
        ] );
      ("descriptors", [ case "closed by the program" test_descriptors ]);
    ]
