(* Memory that something else changes while it is used: batches and frames that
   several threads use, on OCaml 5 several domains at the same time, and packets
   whose device goes on writing. *)

open Ixy
open Support
open Marks
module Bytes1 = Bigarray.Array1

let buffers = 4096
let workers = 3
let rounds = 20_000
let addresses = [ "emu:82599,timing=inline"; "emu:virtio,timing=inline" ]

(* Packets that only this test has: nobody else may change them. *)
let guards pool =
  let g = Batch.create pool 1000 in
  int "guards" 1000 (Batch.alloc_exn g 1000);
  for i = 0 to 999 do
    Batch.set_len g i (Pool.buffer_size pool);
    Batch.blit_of_string
      (String.make (Pool.buffer_size pool) 'g')
      0 g i 0 (Pool.buffer_size pool)
  done;
  g

let untouched g =
  let whole = String.make (Batch.len g 0) 'g' in
  for i = 0 to Batch.length g - 1 do
    string "a guard" whole (Batch.to_string g i)
  done

(* What the program has, whichever of its frames are stale: freed one by one. *)
let free_owned b =
  let single = Batch.create (Batch.pool b) 1 in
  for i = 0 to Batch.length b - 1 do
    if Batch.is_owned b i then (
      Batch.add single ~from:b i;
      free single)
  done

(* [step random] many times in each of some threads or domains. What is refused
   is refused by the binding. *)
let together step =
  let work seed () =
    let random = Random.State.make [| seed |] in
    for _ = 1 to rounds do
      (try step (Random.State.int random) with Error _ -> ());
      if Random.State.int random 50 = 0 then Thread.yield ()
    done
  in
  Parallel.run (List.init workers work)

(* All buffers are accounted for at the end, where threads take turns. Domains
   that receive into one array at once may write over each other's frames: those
   buffers stay the program's until the pool is closed. *)
let on_devices f =
  List.iter
    (fun address ->
      let pool = get_ok (Pool.open_ ~buffers ()) in
      let device =
        get_ok (Device.open_ ~pool ~rx_ring_size:64 ~tx_ring_size:64 address)
      in
      get_ok (Device.start device);
      let g = guards pool in
      let hold = f pool device in
      get_ok (Device.close device);
      untouched g;
      free g;
      List.iter free_owned hold;
      if not Parallel.present then
        int "all buffers are back" buffers (get_ok (Pool.free_count pool));
      get_ok (Pool.close pool))
    addresses

let test_batches () =
  let text = String.make 64 'x' in
  on_devices (fun pool device ->
      let b = Batch.create pool 64 and c = Batch.create pool 64 in
      together (fun random ->
          let b, c = if random 2 = 0 then (b, c) else (c, b) in
          let i = random 64 and pos = random 1600 in
          match random 14 with
          | 0 -> ignore (Batch.alloc_exn b (1 + random 16) : int)
          | 1 -> Batch.set_len b i (random 2200)
          | 2 -> Batch.advance b i (random 256 - 128)
          | 3 -> ignore (Batch.get_uint8 b i pos : int)
          | 4 -> Batch.set_uint8 b i pos (Char.code 'x')
          | 5 -> Batch.set_uint16_be b i pos 0x7878
          | 6 -> Batch.set_int64_le b i pos 0x7878787878787878L
          | 7 -> Batch.blit_of_string text 0 b i pos (random 64)
          | 8 -> ignore (Batch.to_string b i : string)
          | 9 -> ignore (Device.tx_batch_exn device ~queue:0 b : int)
          | 10 -> ignore (Device.rx_batch_exn device ~queue:0 b : int)
          | 11 -> ignore (Batch.free_exn b : int)
          | 12 -> if Batch.length c < 8 then Batch.add c ~from:b i
          | _ -> ignore (Batch.metadata b i : Metadata.t));
      List.iter
        (fun b ->
          bool "a length" true
            (Batch.length b >= 0 && Batch.length b <= Batch.capacity b))
        [ b; c ];
      [ b; c ]);
  mark batch "changed during a call" "contained"
    "each access checks the frame that it read: no byte outside the packet's \
     own buffer"

(* A batch never holds more frames than it has room for. *)
let test_lengths () =
  let pool = get_ok (Pool.open_ ~buffers:65536 ()) in
  let b = Batch.create pool 64 in
  let wrong = Atomic.make 0 in
  together (fun random ->
      (match Batch.alloc b (1 + random 64) with Ok _ | Error _ -> ());
      let length = Batch.length b in
      if length < 0 || length > 64 then Atomic.incr wrong;
      if random 2 = 0 then ignore (Batch.free b : (int, error) result)
      else Batch.clear b);
  int "wrong lengths" 0 (Atomic.get wrong);
  get_ok (Pool.close pool)

let test_frames () =
  on_devices (fun pool device ->
      let held = Batch.create pool 64 in
      int "held" 64 (Batch.alloc_exn held 64);
      let frames = Raw.frames 64 and bytes = Bytes.make 64 'x' in
      together (fun random ->
          let i = random 64 in
          let n = random 65 in
          match random 6 with
          | 0 | 1 ->
              let other = random 64 in
              Raw.set frames i ~handle:(Batch.handle held other)
                ~offset:(Batch.offset held (random 64) + random 4096)
                ~len:(random 2048)
          | 2 -> ignore (Raw.tx_batch device ~queue:0 frames n : int)
          | 3 ->
              ignore (Raw.write pool frames i ~pos:(random 2048) bytes : int)
          | 4 ->
              ignore (Raw.read pool frames i ~pos:(random 2048) bytes : int)
          | _ -> ignore (Raw.free pool frames n : int));
      [ held ]);
  mark raw "changed during a call" "contained"
    "the calls read each frame once and check what they read"

(* As a back end does that keeps a buffer which it gave back: writes all over
   it. *)
let test_writes_on () =
  with_pool (fun pool ->
      let b = one pool 60 in
      let handle = Batch.handle b 0 in
      let over = Atomic.make false in
      let view =
        Bytes1.sub
          (Pool.unsafe_bigarray pool)
          (Batch.offset b 0 - Pool.headroom pool)
          (Pool.headroom pool + Pool.buffer_size pool)
      in
      let changes = ref 0 in
      let write_on () =
        while not (Atomic.get over) do
          Bytes1.fill view (Char.unsafe_chr (!changes land 0xff));
          incr changes;
          Thread.yield ()
        done
      in
      let seen = Hashtbl.create 256 in
      let read () =
        let deadline = Unix.gettimeofday () +. 20. in
        while Hashtbl.length seen < 20 && Unix.gettimeofday () < deadline do
          let copy = Batch.to_string b 0 in
          let before = Bytes.of_string copy in
          let byte = Batch.get_uint8 b 0 0 in
          bool "a byte" true (byte >= 0 && byte < 256);
          raises "IXY_E_RANGE" "past the end" (fun () ->
              Batch.get_uint8 b 0 60);
          int "its length" 60 (Batch.len b 0);
          int "its handle" handle (Batch.handle b 0);
          Thread.yield ();
          string "a copy stays" (Bytes.to_string before) copy;
          Hashtbl.replace seen copy.[0] ()
        done;
        Atomic.set over true
      in
      Parallel.run [ write_on; read ];
      bool "the bytes changed" true (Hashtbl.length seen >= 20);
      column "device writes on" "contained"
        ~batch:"the packet's bytes change, not where it lies; copies stay"
        ~raw:"the bytes change under the Bigarray; each is a char";
      free b)

let () =
  let case name f = Alcotest.test_case name `Quick f in
  Alcotest.run "shared"
    [
      ( "changed during a call",
        [
          case "batches" test_batches;
          case "lengths" test_lengths;
          case "frames" test_frames;
        ] );
      ("written on", [ case "by a device" test_writes_on ]);
    ]
