(* Waiting for packets: asleep in the library, and on a queue's descriptor. *)

open Ixy
open Support

let addresses =
  [ "emu:82599"; "emu:x550"; "emu:virtio"; "emu:virtio,ring=packed" ]

(* On a started device of each family, whose wire is a loop. *)
let on_devices f =
  List.iter
    (fun address ->
      with_pool (fun pool -> with_device ~address pool (fun d -> f pool d)))
    addresses

(* More than any wait takes that ends as it should. *)
let long = 20.
let wait ?timeout device = get_ok (Device.rx_wait ?timeout device ~queue:0)

let send pool device =
  int "sent" 1 (Device.tx_batch_exn device ~queue:0 (one pool 60))

let receive pool device =
  let batch = Batch.create pool 2 in
  int "received" 1 (Device.rx_batch_exn device ~queue:0 batch);
  free batch

(* [f] in a thread that sleeps a moment first. *)
let later f =
  Thread.create
    (fun () ->
      Thread.delay 0.02;
      f ())
    ()

let test_wait () =
  on_devices (fun pool device ->
      let i = get_ok (Device.info device) in
      bool "can wait" true (List.mem Device.Rx_wait i.capabilities);
      for _ = 1 to 5 do
        bool "nothing is there" false (wait ~timeout:0. device);
        let sender = later (fun () -> send pool device) in
        bool "a packet wakes it" true (wait ~timeout:long device);
        Thread.join sender;
        receive pool device;
        let sender = later (fun () -> send pool device) in
        bool "without a timeout too" true (wait device);
        Thread.join sender;
        bool "it is there" true (wait ~timeout:0. device);
        receive pool device
      done)

let test_timeout () =
  on_devices (fun pool device ->
      let start = Unix.gettimeofday () in
      bool "nothing came" false (wait ~timeout:0.05 device);
      let slept = Unix.gettimeofday () -. start in
      bool "it slept" true (slept >= 0.045 && slept < long);
      (* rounded up to a millisecond, not down to none *)
      bool "a short sleep" false (wait ~timeout:1e-9 device);
      send pool device;
      bool "a timeout without end" true (wait ~timeout:infinity device);
      receive pool device;
      List.iter
        (fun timeout ->
          fails "IXY_E_ARGUMENT" "timeout" (fun () ->
              Device.rx_wait ~timeout device ~queue:0))
        [ -1.; -0.001; nan; neg_infinity ])

(* Other threads run while one sleeps: this one counts. *)
let test_lock () =
  with_pool (fun pool ->
      with_device ~address:"emu:82599" pool (fun device ->
          let over = Atomic.make false and rounds = ref 0 in
          let counter =
            Thread.create
              (fun () ->
                while not (Atomic.get over) do
                  incr rounds;
                  ignore (get_ok (Device.stats device) : Device.stats);
                  Thread.delay 0.001
                done)
              ()
          in
          bool "nothing came" false (wait ~timeout:0.2 device);
          Atomic.set over true;
          Thread.join counter;
          bool "the other thread ran" true (!rounds > 10)))

let test_close () =
  List.iter
    (fun address ->
      with_pool (fun pool ->
          let device = get_ok (Device.open_ ~pool address) in
          get_ok (Device.start device);
          let closer = later (fun () -> get_ok (Device.close device)) in
          fails "IXY_E_HANDLE" "the waiter's answer" (fun () ->
              Device.rx_wait ~timeout:long device ~queue:0);
          Thread.join closer))
    addresses

(* The waiter sleeps already, or does not yet. *)
let test_wake () =
  with_pool (fun pool ->
      with_device ~address:"emu:82599" pool (fun device ->
          let wake () = get_ok (Device.rx_wake device ~queue:0) in
          let waker = later wake in
          bool "woken" false (wait ~timeout:long device);
          Thread.join waker;
          wake ();
          let start = Unix.gettimeofday () in
          bool "woken before" false (wait device);
          bool "at once" true (Unix.gettimeofday () -. start < long);
          fails "IXY_E_RANGE" "wake" (fun () -> Device.rx_wake device ~queue:1)))

exception Woken

let with_alarm handler f =
  let before = Sys.signal Sys.sigalrm (Sys.Signal_handle handler) in
  Fun.protect
    ~finally:(fun () -> Sys.set_signal Sys.sigalrm before)
    (fun () ->
      ignore
        (Unix.setitimer Unix.ITIMER_REAL
           { Unix.it_interval = 0.; it_value = 0.05 }
          : Unix.interval_timer_status);
      f ())

let test_signal () =
  with_pool (fun pool ->
      with_device ~address:"emu:82599" pool (fun device ->
          let ran = ref false in
          with_alarm
            (fun _ -> ran := true)
            (fun () ->
              bool "a signal ends the wait" false (wait ~timeout:long device);
              bool "its handler has run" true !ran);
          with_alarm
            (fun _ -> raise Woken)
            (fun () ->
              match wait ~timeout:long device with
              | _ -> Alcotest.fail "the handler's exception is lost"
              | exception Woken -> ());
          send pool device;
          bool "and waiting goes on" true (wait ~timeout:long device);
          receive pool device))

let readable descr timeout =
  match Unix.select [ descr ] [] [] timeout with
  | [ _ ], _, _ -> true
  | _ -> false

let test_descr () =
  on_devices (fun pool device ->
      let descr = get_ok (Device.rx_descr device ~queue:0) in
      for _ = 1 to 5 do
        bool "nothing is there" false (get_ok (Device.rx_arm device ~queue:0));
        bool "and nothing comes" false (readable descr 0.01);
        send pool device;
        bool "a packet makes it readable" true (readable descr long);
        bool "it stays so" true (readable descr 0.);
        bool "the packet is there" true
          (get_ok (Device.rx_arm device ~queue:0));
        receive pool device
      done;
      get_ok (Device.reset device);
      bool "nothing is there" false (get_ok (Device.rx_arm device ~queue:0));
      send pool device;
      bool "it works after a reset" true (readable descr long);
      receive pool device;
      Unix.close descr)

let test_refused () =
  with_pool (fun pool ->
      let device = get_ok (Device.open_ ~pool "emu:82599") in
      fails "IXY_E_STATE" "arm" (fun () -> Device.rx_arm device ~queue:0);
      fails "IXY_E_STATE" "wait" (fun () ->
          Device.rx_wait ~timeout:0. device ~queue:0);
      get_ok (Device.start device);
      List.iter
        (fun queue ->
          fails "IXY_E_RANGE" "descr" (fun () -> Device.rx_descr device ~queue);
          fails "IXY_E_RANGE" "arm" (fun () -> Device.rx_arm device ~queue);
          fails "IXY_E_RANGE" "wait" (fun () -> Device.rx_wait device ~queue))
        [ 1; -1; max_int; 1 lsl 32 ];
      get_ok (Device.close device);
      List.iter
        (fun address ->
          with_device ~address pool (fun device ->
              let i = get_ok (Device.info device) in
              bool "cannot wait" false (List.mem Device.Rx_wait i.capabilities);
              let queue = 0 in
              fails "IXY_E_UNSUPPORTED" "descr" (fun () ->
                  Device.rx_descr device ~queue);
              fails "IXY_E_UNSUPPORTED" "arm" (fun () ->
                  Device.rx_arm device ~queue);
              fails "IXY_E_UNSUPPORTED" "wait" (fun () ->
                  Device.rx_wait device ~queue)))
        [ "emu:82599,timing=inline"; "emu:virtio,timing=inline" ])

(* A device that only its waiter knows is not collected meanwhile. *)
let test_collection () =
  with_pool (fun pool ->
      let collector =
        later (fun () ->
            Gc.full_major ();
            Gc.full_major ())
      in
      let wait_on_a_new_one () =
        let device = get_ok (Device.open_ ~pool "emu:82599") in
        get_ok (Device.start device);
        wait ~timeout:0.2 device
      in
      bool "it waited to the end" false (wait_on_a_new_one ());
      Thread.join collector;
      Gc.full_major ();
      Gc.full_major ())

(* A slow generator's packets: the program sleeps before each, none is lost. *)
let test_forward () =
  List.iter
    (fun address ->
      with_pool (fun pool ->
          let address = address ^ ",wire=gen,limit=200,rate=2000" in
          with_device ~address pool (fun device ->
              let batch = Batch.create pool 32 and received = ref 0 in
              while !received < 200 do
                bool "a packet comes" true (wait ~timeout:long device);
                received :=
                  !received + Device.rx_batch_exn device ~queue:0 batch;
                for i = 0 to Batch.length batch - 1 do
                  Batch.add_uint8 batch i 48 1
                done;
                ignore (Device.tx_batch_exn device ~queue:0 batch : int)
              done;
              int "all are sent" 0 (Batch.length batch);
              let verified () = (get_ok (Emu.counters device)).verified in
              let tries = ref 2000 in
              while verified () < 200 && !tries > 0 do
                Unix.sleepf 0.001;
                decr tries
              done;
              int "verified" 200 (verified ()))))
    addresses

let () =
  let case name f = Alcotest.test_case name `Quick f in
  Alcotest.run "waiting"
    [
      ( "asleep",
        [
          case "until a packet comes" test_wait;
          case "until the time is over" test_timeout;
          case "others run meanwhile" test_lock;
          case "until another thread closes the device" test_close;
          case "until it is woken" test_wake;
          case "until a signal comes" test_signal;
          case "the device is kept" test_collection;
          case "a slow generator" test_forward;
        ] );
      ("descriptor", [ case "select" test_descr ]);
      ("refused", [ case "calls" test_refused ]);
    ]
