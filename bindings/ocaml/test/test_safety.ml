(* The safety table (docs/safety.md): each mistake is made, what comes of it
   checked, and then told. *)

open Ixy
open Support
open Marks
module Bytes1 = Bigarray.Array1

let code what wanted got = string what wanted (Raw.error got).name
let handle_error what got = code what "IXY_E_HANDLE" got

(* Frame 0 of a batch as the raw calls take it. *)
let raw_of b =
  let frames = Raw.frames 2 in
  for i = 0 to 1 do
    Raw.set frames i ~handle:(Batch.handle b 0) ~offset:(Batch.offset b 0)
      ~len:60
  done;
  frames

let reads b =
  [
    (fun at -> Batch.get_uint8 b 0 at);
    (fun at -> Batch.get_uint16_be b 0 at);
    (fun at -> Batch.get_uint32_le b 0 at);
    (fun at -> Int64.to_int (Batch.get_int64_be b 0 at));
    (fun at -> String.length (Batch.sub_string b 0 at 1));
  ]

let writes b =
  [
    (fun at -> Batch.set_uint8 b 0 at 1);
    (fun at -> Batch.add_uint8 b 0 at 1);
    (fun at -> Batch.set_uint16_be b 0 at 1);
    (fun at -> Batch.set_uint32_le b 0 at 1);
    (fun at -> Batch.set_int64_be b 0 at 1L);
    (fun at -> Batch.blit_of_string "x" 0 b 0 at 1);
  ]

let refused name what b at =
  List.iter (fun read -> raises name what (fun () -> read at)) (reads b);
  List.iter (fun write -> raises name what (fun () -> write at)) (writes b)

let stale what b = refused "IXY_E_HANDLE" what b 0
let outside = [ 60; 61; 2048; -1; 1 lsl 32; 1 lsl 61; max_int; min_int ]

(* ---- bounds ---- *)

let test_bounds () =
  with_pool (fun pool ->
      let b = one pool 60 in
      Batch.blit_of_string (String.make 60 'a') 0 b 0 0 60;
      List.iter (refused "IXY_E_RANGE" "outside" b) outside;
      string "unchanged" (String.make 60 'a') (Batch.to_string b 0);
      mark batch "out of bounds read" "run time" "Error { code = Range }";
      mark batch "out of bounds write" "run time" "Error { code = Range }";
      let other = one pool 60 in
      let view = Pool.unsafe_bigarray pool in
      Batch.set_uint8 other 0 0 42;
      let at =
        Batch.offset b 0 + (Batch.offset other 0 - Batch.offset b 0)
      in
      bool "not in the first packet" true
        (at < Batch.offset b 0 || at >= Batch.offset b 0 + 60);
      int "another packet's" 42 (Char.code (Bytes1.get view at));
      let past = Bytes1.dim view in
      let bounds f =
        Alcotest.check_raises "past the memory"
          (Invalid_argument "index out of bounds") f
      in
      bounds (fun () -> ignore (Bytes1.get view past : char));
      bounds (fun () -> Bytes1.set view (-1) 'x');
      let detail = "other packets of the pool; past its memory" in
      let detail = detail ^ " Invalid_argument" in
      mark raw "out of bounds read" "not caught" detail;
      Bytes1.set view at 'x';
      int "changed" (Char.code 'x') (Batch.get_uint8 other 0 0);
      mark raw "out of bounds write" "not caught" detail;
      free other;
      free b)

(* ---- ownership ---- *)

let test_transmit () =
  with_pool (fun pool ->
      with_device pool (fun device ->
          let b = one pool 60 in
          let kept = copy b and frames = raw_of b in
          let view = Pool.unsafe_bigarray pool and at = Batch.offset b 0 in
          Batch.set_uint8 b 0 0 42;
          int "sent" 1 (Device.tx_batch_exn device ~queue:0 b);
          stale "sent" kept;
          mark batch "use after transmit" "run time" "Error { code = Handle }";
          int "the view shows it" 42 (Char.code (Bytes1.get view at));
          mark raw "use after transmit" "not caught"
            "OCaml cannot take a Bigarray back: it shows what the buffer holds";
          fails "IXY_E_HANDLE" "sent again" (fun () ->
              Device.tx_batch device ~queue:0 kept);
          handle_error "sent again" (Raw.tx_batch device ~queue:0 frames 1);
          let c = one pool 60 in
          let twice = raw_of c in
          int "twice in a call" 1 (Raw.tx_batch device ~queue:0 twice 2);
          stale "sent by a raw call" c;
          column "double transmit" "run time" ~batch:"Error { code = Handle }"
            ~raw:"IXY_E_HANDLE; twice in one call: it ends at the second"))

let test_free () =
  with_pool ~buffers:4 (fun pool ->
      let b = one pool 60 in
      let kept = copy b and frames = raw_of b in
      let view = Pool.unsafe_bigarray pool and at = Batch.offset b 0 in
      free b;
      stale "freed" kept;
      let others = Batch.create pool 4 in
      int "all buffers" 4 (Batch.alloc_exn others 4);
      stale "another's" kept;
      mark batch "use after free" "run time"
        "Error { code = Handle }, also once the buffer is another packet's";
      Bytes1.set view at 'x';
      let shown = ref 0 in
      for i = 0 to 3 do
        Batch.set_len others i 60;
        if Batch.get_uint8 others i 0 = Char.code 'x' then incr shown
      done;
      int "in another packet" 1 !shown;
      mark raw "use after free" "not caught"
        "OCaml cannot take a Bigarray back: it reads and changes the next \
         packet there";
      fails "IXY_E_HANDLE" "freed again" (fun () -> Batch.free kept);
      handle_error "freed again" (Raw.free pool frames 1);
      column "double free" "run time" ~batch:"Error { code = Handle }"
        ~raw:"IXY_E_HANDLE";
      free others)

(* ---- handles ---- *)

let test_foreign () =
  with_pool (fun pool ->
      with_pool (fun other ->
          with_device pool (fun device ->
              let b = one other 60 in
              let frames = raw_of b in
              fails "IXY_E_HANDLE" "sent" (fun () ->
                  Device.tx_batch device ~queue:0 b);
              fails "IXY_E_ARGUMENT" "received" (fun () ->
                  Device.rx_batch device ~queue:0 (Batch.create other 4));
              raises "IXY_E_ARGUMENT" "added" (fun () ->
                  Batch.add (Batch.create pool 1) ~from:b 0);
              bool "still the program's" true (Batch.is_owned b 0);
              mark batch "foreign handle" "run time"
                "Error { code = Handle }, receiving { code = Argument }";
              handle_error "sent" (Raw.tx_batch device ~queue:0 frames 1);
              handle_error "freed" (Raw.free pool frames 1);
              handle_error "read"
                (Raw.read pool frames 0 ~pos:0 (Bytes.create 1));
              mark raw "foreign handle" "run time" "IXY_E_HANDLE";
              free b)))

let test_forged () =
  string "a right program" ""
    (compiler_says
       "let f (b : Ixy.Batch.t) = Ixy.Batch.set_uint8 b 0 0 (Ixy.Batch.len b 0)");
  List.iter
    (fun (body, wanted) ->
      let said = compiler_says body in
      bool (body ^ ": " ^ said) true (contains said wanted))
    [
      ("let b : Ixy.Batch.t = 1", "type int");
      ("let f (b : Ixy.Batch.t) = b.frames", "Unbound record field");
      ("let f (b : Ixy.Batch.t) = b.Ixy.Batch.length <- 9", "Unbound record");
      ("let d : Ixy.Device.t = 1", "type int");
      ("let p : Ixy.Pool.t = 1", "type int");
    ];
  mark batch "forged handle" "compile time"
    "a type error: the types are abstract";
  with_pool (fun pool ->
      with_device pool (fun device ->
          let b = one pool 60 in
          let h = Batch.handle b 0 in
          List.iter
            (fun handle ->
              let frames = raw_of b in
              Raw.set frames 0 ~handle ~offset:(Batch.offset b 0) ~len:60;
              handle_error "sent" (Raw.tx_batch device ~queue:0 frames 1);
              handle_error "freed" (Raw.free pool frames 1))
            [ 0; 1; h lxor (1 lsl 30); h lxor (1 lsl 18); max_int; -1; min_int ];
          mark raw "forged handle" "run time" "IXY_E_HANDLE";
          free b))

let test_closed_device () =
  with_pool (fun pool ->
      let device = get_ok (Device.open_ ~pool "emu:82599,timing=inline") in
      get_ok (Device.start device);
      let b = one pool 60 in
      let frames = raw_of b in
      get_ok (Device.close device);
      with_device pool (fun _ ->
          (* has the slot now *)
          fails "IXY_E_HANDLE" "receive" (fun () ->
              Device.rx_batch device ~queue:0 (Batch.create pool 4));
          fails "IXY_E_HANDLE" "send" (fun () ->
              Device.tx_batch device ~queue:0 b);
          fails "IXY_E_HANDLE" "stats" (fun () -> Device.stats device);
          fails "IXY_E_HANDLE" "close" (fun () -> Device.close device);
          bool "still the program's" true (Batch.is_owned b 0);
          handle_error "send" (Raw.tx_batch device ~queue:0 frames 1);
          handle_error "receive"
            (Raw.rx_batch device ~queue:0 (Raw.frames 1) 1);
          column "use after device close" "run time"
            ~batch:"Error { code = Handle }" ~raw:"IXY_E_HANDLE");
      free b)

(* ---- numbers ---- *)

let test_numbers () =
  with_pool (fun pool ->
      with_device pool (fun device ->
          let b = one pool 60 in
          let wide = Batch.create pool 4 in
          List.iter
            (fun n ->
              let what = string_of_int n in
              raises "IXY_E_RANGE" what (fun () -> Batch.get_uint8 b n 0);
              refused "IXY_E_RANGE" what b n;
              raises "IXY_E_RANGE" what (fun () -> Batch.sub_string b 0 1 n);
              raises "IXY_E_RANGE" what (fun () -> Batch.create pool n);
              raises "IXY_E_FRAME" what (fun () -> Batch.set_len b 0 n);
              fails "IXY_E_RANGE" what (fun () -> Batch.alloc wide n);
              fails "IXY_E_RANGE" what (fun () ->
                  Device.rx_batch device ~queue:n wide);
              fails "IXY_E_RANGE" what (fun () ->
                  Device.tx_batch device ~queue:n b))
            [ 1 lsl 16; 1 lsl 31; 1 lsl 32; 1 lsl 61; max_int; min_int; -1 ];
          raises "IXY_E_FRAME" "advance" (fun () -> Batch.advance b 0 min_int);
          int "unchanged" 60 (Batch.len b 0);
          mark batch "integer overflow" "run time"
            "Error { code = Range } or { code = Frame }";
          let frames = raw_of b in
          let put ?(offset = Batch.offset b 0) ?(len = 60) () =
            Raw.set frames 0 ~handle:(Batch.handle b 0) ~offset ~len;
            code "a frame" "IXY_E_FRAME" (Raw.tx_batch device ~queue:0 frames 1)
          in
          put ~offset:0xffff_ffff ();
          put ~offset:(Batch.offset b 0 - 4096) ();
          put ~len:65535 ();
          List.iter
            (fun n ->
              code "a count" "IXY_E_RANGE"
                (Raw.tx_batch device ~queue:0 frames n);
              code "a position" "IXY_E_RANGE"
                (Raw.read pool frames n ~pos:0 Bytes.empty))
            [ -1; 1 lsl 32; max_int; min_int ];
          let view = Pool.unsafe_bigarray pool in
          List.iter
            (fun n ->
              Alcotest.check_raises "an index"
                (Invalid_argument "index out of bounds") (fun () ->
                  ignore (Bytes1.get view n : char)))
            [ 1 lsl 61; max_int; min_int ];
          mark raw "integer overflow" "run time"
            "IXY_E_RANGE, IXY_E_FRAME, Invalid_argument of the Bigarray";
          free b))

(* ---- threads, close, fork ---- *)

(* Two threads that receive from one queue until the generator is done. *)
let test_take_turns () =
  with_pool ~buffers:8192 (fun pool ->
      with_device ~address:"emu:82599,timing=inline,wire=gen,limit=4000" pool
        (fun device ->
          let counts = [| 0; 0 |] and errors = ref [] in
          let work n =
            let b = Batch.create pool 32 in
            for _ = 1 to 500 do
              match Device.rx_batch device ~queue:0 b with
              | Ok got ->
                  counts.(n) <- counts.(n) + got;
                  free b;
                  Thread.yield ()
              | Result.Error e -> errors := e.name :: !errors
            done
          in
          List.iter Thread.join (List.map (Thread.create work) [ 0; 1 ]);
          Alcotest.(check (list string)) "no error" [] !errors;
          let missed = (get_ok (Device.stats device)).rx_missed in
          int "each frame once" 4000 (counts.(0) + counts.(1) + missed);
          let detail =
            "receive and transmit keep the runtime's lock: threads take turns"
          in
          column "two threads on one queue" "cannot be written" ~batch:detail
            ~raw:detail))

let test_second_waiter () =
  with_pool (fun pool ->
      with_device ~address:"emu:82599" pool (fun device ->
          let wait timeout = Device.rx_wait ~timeout device ~queue:0 in
          let first = Thread.create (fun () -> get_ok (wait 20.)) () in
          let deadline = Unix.gettimeofday () +. 10. in
          let rec told () =
            match wait 0. with
            | Result.Error { code = Busy; _ } -> true
            | Result.Error e -> Alcotest.failf "%s" e.name
            | Ok _ when Unix.gettimeofday () > deadline -> false
            | Ok _ ->
                Thread.delay 0.001;
                told ()
          in
          let told = told () in
          int "sent" 1 (Device.tx_batch_exn device ~queue:0 (one pool 60));
          Thread.join first;
          bool "the second is told" true told;
          let b = Batch.create pool 2 in
          int "received" 1 (Device.rx_batch_exn device ~queue:0 b);
          free b;
          let detail = "Error { code = Busy } for the second that waits" in
          column "two threads on one queue" "run time" ~batch:detail ~raw:detail))

(* Each of two threads forwards one of two queues. *)
let test_two_queues () =
  with_pool ~buffers:8192 (fun pool ->
      let device =
        get_ok
          (Device.open_ ~pool ~rx_queues:2 ~tx_queues:2
             "emu:82599,timing=inline,wire=gen,flows=64,limit=4000")
      in
      get_ok (Device.start device);
      let forwarded = [| 0; 0 |] in
      let deadline = Unix.gettimeofday () +. 30. in
      let rest () =
        let missed = (get_ok (Device.stats device)).rx_missed in
        4000 - forwarded.(0) - forwarded.(1) - missed
      in
      let work queue =
        let b = Batch.create pool 32 in
        while rest () > 0 && Unix.gettimeofday () < deadline do
          ignore (Device.rx_batch_exn device ~queue b : int);
          for i = 0 to Batch.length b - 1 do
            Batch.add_uint8 b i 48 1
          done;
          while Batch.length b > 0 do
            let sent = Device.tx_batch_exn device ~queue b in
            forwarded.(queue) <- forwarded.(queue) + sent
          done;
          Thread.yield ()
        done
      in
      List.iter Thread.join (List.map (Thread.create work) [ 0; 1 ]);
      let counters = get_ok (Emu.counters device) in
      bool "both queues" true (forwarded.(0) > 0 && forwarded.(1) > 0);
      int "all came back" (forwarded.(0) + forwarded.(1)) counters.verified;
      int "all accounted for" 0 (rest ());
      int "none wrong" 0 (counters.damaged + counters.repeated + counters.foreign);
      int "no violations" 0 counters.violations;
      get_ok (Device.close device))

(* The receiver sees packets, then that the device is closed. *)
let test_close_race () =
  for _ = 1 to 20 do
    with_pool (fun pool ->
        let device = get_ok (Device.open_ ~pool "emu:82599,wire=gen") in
        get_ok (Device.start device);
        let said = ref "" in
        let receiver =
          Thread.create
            (fun () ->
              let b = Batch.create pool 32 in
              while !said = "" do
                (match Device.rx_batch device ~queue:0 b with
                | Ok _ | Result.Error { code = Busy; _ } -> ()
                | Result.Error e -> said := e.name);
                for i = 0 to Batch.length b - 1 do
                  Batch.set_uint8 b i 48 1
                done;
                free b;
                Thread.yield ()
              done)
            ()
        in
        Thread.delay 0.002;
        get_ok (Device.close device);
        Thread.join receiver;
        string "the receiver is told" "IXY_E_HANDLE" !said)
  done

let test_closed_pool () =
  let pool = get_ok (Pool.open_ ~buffers:64 ()) in
  let b = one pool 60 in
  let view = Pool.unsafe_bigarray pool and at = Batch.offset b 0 in
  Batch.set_uint8 b 0 0 42;
  get_ok (Pool.close pool);
  stale "closed" b;
  mark batch "view after pool close" "run time" "Error { code = Handle }";
  int "zeroes" 0 (Char.code (Bytes1.get view at));
  Bytes1.set view at 'x';
  mark raw "view after pool close" "not caught"
    "reads zeroes, writes reach nobody; stays mapped while a part of it lives, \
     so it is never a fault"

(* The exit code of [f] in a child. *)
let in_child f =
  match Unix.fork () with
  | 0 -> Unix._exit (match f () with n -> n | exception _ -> 99)
  | child -> (
      match Unix.waitpid [] child with
      | _, Unix.WEXITED n -> n
      | _ -> Alcotest.fail "the child died")

let test_fork () =
  with_pool (fun pool ->
      with_device pool (fun device ->
          let b = one pool 60 in
          Batch.set_uint8 b 0 0 42;
          let frames = raw_of b in
          let view = Pool.unsafe_bigarray pool in
          let fork = function
            | Result.Error { code = Fork; _ } -> 0
            | _ -> 1
          in
          let refused f =
            match f () with
            | _ -> 1
            | exception Error { code = Fork | Handle; _ } -> 0
          in
          int "wrong answers" 0
            (in_child (fun () ->
                 List.fold_left ( + ) 0
                   (fork (Device.rx_batch device ~queue:0 (Batch.create pool 4))
                    :: fork (Device.tx_batch device ~queue:0 b)
                    :: fork (Batch.free b)
                    :: fork (Result.map ignore (Device.stats device))
                    :: fork (Pool.free_count pool)
                    :: List.map (fun f -> refused (fun () -> f 0)) (reads b)
                   @ List.map (fun f -> refused (fun () -> f 0)) (writes b))));
          mark batch "handle after fork" "run time"
            "Error { code = Fork }, access to bytes { code = Handle }";
          int "wrong answers" 0
            (in_child (fun () ->
                 let wrong = ref 0 in
                 if (Raw.error (Raw.free pool frames 1)).code <> Fork then
                   incr wrong;
                 if Char.code (Bytes1.get view (Batch.offset b 0)) <> 0 then
                   incr wrong;
                 !wrong));
          mark raw "handle after fork" "run time" "IXY_E_FORK";
          mark raw "handle after fork" "not caught"
            "the child's Bigarray reads zeroes of its own, never the parent's";
          int "the parent goes on" 42 (Batch.get_uint8 b 0 0);
          free b))

let () =
  let case name f = Alcotest.test_case name `Quick f in
  Alcotest.run "safety"
    [
      ( "safety",
        [
          case "bounds" test_bounds;
          case "transmit" test_transmit;
          case "free" test_free;
          case "foreign handles" test_foreign;
          case "forged handles" test_forged;
          case "closed device" test_closed_device;
          case "numbers" test_numbers;
          case "two threads in one queue" test_take_turns;
          case "two threads that wait" test_second_waiter;
          case "two threads, two queues" test_two_queues;
          case "close while another thread receives" test_close_race;
          case "closed pool" test_closed_pool;
          case "fork" test_fork;
        ] );
    ]
