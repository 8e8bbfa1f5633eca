(* Every function of ixy.mli with odd numbers: what does not fit C's type, or
   is out of its set, is refused and not cut to something that is right. *)

open Ixy
open Support
open Marks

(* How a function is walked. *)
type walk =
  | None_taken  (** it takes no number *)
  | Any of (int -> unit)  (** every number means something: looked at here *)
  | Numbers of parameter list

and parameter = {
  name : string;
  good : int;  (** what is right here *)
  bits : int;  (** of C's type *)
  whole : bool;  (** each number of C's type is right *)
  call : int -> unit;  (** raises {!Refused}, or what the binding raises *)
}

exception Refused

let number ?(bits = 32) ?(whole = false) name good call =
  { name; good; bits; whole; call }

(* Numbers of which none is right where [good] is, and those among them that a
   cut to C's type would make right. *)
let odd { good; bits; whole; _ } =
  [ min_int; max_int; min_int + good; good - (1 lsl 32); -0x8000_0000 ]
  @ List.filter_map
      (fun bit ->
        if whole && bit < bits then None else Some (good + (1 lsl bit)))
      [ bits; 31; 32; 33; 48; 53; 61 ]

let ok = function Ok _ -> () | Result.Error _ -> raise Refused
let code n = if n < 0 then raise Refused
let ignored f n = ignore (f n)

(* ---- the table ---- *)

type place = {
  pool : Pool.t;
  device : Device.t;
  waiting : Device.t;  (** one that can wait *)
  b : Batch.t;  (** one packet of 60 bytes *)
  wide : Batch.t;  (** room for 4 *)
  raw : Raw.frames;  (** the packet again, and another one's room *)
  bytes : Bytes.t;  (** 60 *)
}

let accessors p =
  let at width f =
    Numbers
      [
        number "frame" 0 (fun i -> f i 0);
        number "position" (60 - width) (fun at -> f 0 at);
      ]
  in
  let get width f = at width (fun i pos -> ignore (f p.b i pos)) in
  let set width f x = at width (fun i pos -> f p.b i pos x) in
  [
    ("Batch.get_uint8", get 1 Batch.get_uint8);
    ("Batch.set_uint8", set 1 Batch.set_uint8 1);
    ("Batch.add_uint8", set 1 Batch.add_uint8 1);
    ("Batch.get_uint16_be", get 2 Batch.get_uint16_be);
    ("Batch.get_uint16_le", get 2 Batch.get_uint16_le);
    ("Batch.set_uint16_be", set 2 Batch.set_uint16_be 1);
    ("Batch.set_uint16_le", set 2 Batch.set_uint16_le 1);
    ("Batch.get_uint32_be", get 4 Batch.get_uint32_be);
    ("Batch.get_uint32_le", get 4 Batch.get_uint32_le);
    ("Batch.set_uint32_be", set 4 Batch.set_uint32_be 1);
    ("Batch.set_uint32_le", set 4 Batch.set_uint32_le 1);
    ("Batch.get_int64_be", get 8 Batch.get_int64_be);
    ("Batch.get_int64_le", get 8 Batch.get_int64_le);
    ("Batch.set_int64_be", set 8 Batch.set_int64_be 1L);
    ("Batch.set_int64_le", set 8 Batch.set_int64_le 1L);
  ]

let copies p =
  let blit f =
    Numbers
      [
        number "frame" 0 (fun i -> f i 0 0 1);
        number "position" 59 (fun pos -> f 0 pos 0 1);
        number "offset" 59 (fun off -> f 0 0 off 1);
        number "size" 60 (fun size -> f 0 0 0 size);
      ]
  in
  let text = String.make 60 'a' in
  [
    ( "Batch.blit_to_bytes",
      blit (fun i pos off n -> Batch.blit_to_bytes p.b i pos p.bytes off n) );
    ( "Batch.blit_of_bytes",
      blit (fun i pos off n -> Batch.blit_of_bytes p.bytes off p.b i pos n) );
    ( "Batch.blit_of_string",
      blit (fun i pos off n -> Batch.blit_of_string text off p.b i pos n) );
    ( "Batch.sub_string",
      Numbers
        [
          number "frame" 0 (fun i -> ignore (Batch.sub_string p.b i 0 1));
          number "position" 59 (fun pos ->
              ignore (Batch.sub_string p.b 0 pos 1));
          number "size" 60 (fun n -> ignore (Batch.sub_string p.b 0 0 n));
        ] );
    ( "Batch.to_string",
      Numbers [ number "frame" 0 (ignored (Batch.to_string p.b)) ] );
  ]

let frames p =
  let frame f = Numbers [ number "frame" 0 (ignored f) ] in
  let metadata ?(timestamp = 1) ?(vlan_tci = 1) ?(l2_len = 14) ?(l3_len = 20)
      i =
    Batch.set_metadata p.b i
      { flags = [ Metadata.Vlan ]; timestamp; vlan_tci; l2_len; l3_len }
  in
  let some n =
    ok (Batch.alloc p.wide n);
    free p.wide
  in
  [
    ( "Batch.create",
      Numbers [ number "capacity" 1 (ignored (Batch.create p.pool)) ] );
    ("Batch.pool", None_taken);
    ("Batch.capacity", None_taken);
    ("Batch.length", None_taken);
    ("Batch.alloc", Numbers [ number "count" 4 some ]);
    ( "Batch.alloc_exn",
      Numbers
        [
          number "count" 4 (fun n ->
              ignore (Batch.alloc_exn p.wide n : int);
              free p.wide);
        ] );
    ("Batch.free", None_taken);
    ("Batch.free_exn", None_taken);
    ( "Batch.add",
      Numbers
        [
          number "frame" 0 (fun i ->
              Batch.add p.wide ~from:p.b i;
              Batch.clear p.wide);
        ] );
    ("Batch.clear", None_taken);
    ("Batch.len", frame (Batch.len p.b));
    ( "Batch.set_len",
      Numbers
        [
          number "frame" 0 (fun i -> Batch.set_len p.b i 60);
          number ~bits:16 "length" 60 (Batch.set_len p.b 0);
        ] );
    ( "Batch.advance",
      Numbers
        [
          number "frame" 0 (fun i -> Batch.advance p.b i 0);
          number ~bits:16 "count" 0 (Batch.advance p.b 0);
        ] );
    ("Batch.is_owned", frame (Batch.is_owned p.b));
    ("Batch.offset", frame (Batch.offset p.b));
    ("Batch.handle", frame (Batch.handle p.b));
    ("Batch.more", frame (Batch.more p.b));
    ("Batch.set_more", frame (fun i -> Batch.set_more p.b i false));
    ("Batch.metadata", frame (Batch.metadata p.b));
    ( "Batch.set_metadata",
      Numbers
        [
          number "frame" 0 (fun i -> metadata i);
          number ~bits:16 "vlan_tci" 1 (fun vlan_tci -> metadata ~vlan_tci 0);
          number ~bits:8 "l2_len" 14 (fun l2_len -> metadata ~l2_len 0);
          number ~bits:8 "l3_len" 20 (fun l3_len -> metadata ~l3_len 0);
        ] );
  ]

let devices p =
  let open_ f =
   fun n ->
    match f n with
    | Ok device -> get_ok (Device.close device)
    | Result.Error _ -> raise Refused
  in
  let pool = p.pool and waiting = p.waiting in
  let address = "emu:82599,timing=inline" in
  let queue f = Numbers [ number "queue" 0 (fun queue -> f ~queue) ] in
  [
    ("Device.find", None_taken);
    ( "Device.open_",
      Numbers
        [
          number "rx_queues" 1
            (open_ (fun rx_queues -> Device.open_ ~pool ~rx_queues address));
          number "tx_queues" 1
            (open_ (fun tx_queues -> Device.open_ ~pool ~tx_queues address));
          number "rx_ring_size" 64
            (open_ (fun rx_ring_size ->
                 Device.open_ ~pool ~rx_ring_size address));
          number "tx_ring_size" 64
            (open_ (fun tx_ring_size ->
                 Device.open_ ~pool ~tx_ring_size address));
          number "frame_len_max" 1514
            (open_ (fun frame_len_max ->
                 Device.open_ ~pool ~frame_len_max address));
        ] );
    ("Device.start", None_taken);
    ("Device.reset", None_taken);
    ("Device.close", None_taken);
    ("Device.info", None_taken);
    ("Device.link", None_taken);
    ("Device.stats", None_taken);
    ( "Device.queue_stats",
      queue (fun ~queue -> ok (Device.queue_stats p.device ~queue)) );
    ("Device.features", None_taken);
    ("Device.mac", None_taken);
    ("Device.set_mac", None_taken);
    ("Device.set_promiscuous", None_taken);
    ( "Device.rx_batch",
      queue (fun ~queue -> ok (Device.rx_batch p.device ~queue p.wide)) );
    ( "Device.rx_batch_exn",
      queue (fun ~queue ->
          ignore (Device.rx_batch_exn p.device ~queue p.wide)) );
    ( "Device.tx_batch",
      queue (fun ~queue -> ok (Device.tx_batch p.device ~queue p.wide)) );
    ( "Device.tx_batch_exn",
      queue (fun ~queue ->
          ignore (Device.tx_batch_exn p.device ~queue p.wide)) );
    ( "Device.rx_wait",
      Numbers
        [
          number "queue" 0 (fun queue ->
              ok (Device.rx_wait ~timeout:0. waiting ~queue));
        ] );
    ( "Device.rx_descr",
      queue (fun ~queue ->
          match Device.rx_descr waiting ~queue with
          | Ok descr -> Unix.close descr
          | Result.Error _ -> raise Refused) );
    ("Device.rx_arm", queue (fun ~queue -> ok (Device.rx_arm waiting ~queue)));
    ("Device.rx_wake", queue (fun ~queue -> ok (Device.rx_wake waiting ~queue)));
    ("Emu.counters", None_taken);
    ("Emu.meter", None_taken);
    ("Emu.violations", None_taken);
  ]

let raw_level p =
  let handle = Batch.handle p.b 0 and offset = Batch.offset p.b 0 in
  let set ?(offset = offset) ?(len = 60) i =
    Raw.set p.raw i ~handle ~offset ~len
  in
  let index f = Numbers [ number "frame" 0 (ignored f) ] in
  let device = p.device and pool = p.pool in
  let none = Raw.frames 4 in
  [
    ("Raw.frames", Numbers [ number "count" 1 (ignored Raw.frames) ]);
    ( "Raw.set",
      Numbers
        [
          number "frame" 0 (fun i -> set i);
          number ~whole:true "offset" offset (fun offset -> set ~offset 0);
          number ~bits:16 "len" 60 (fun len -> set ~len 0);
        ] );
    ("Raw.handle", index (Raw.handle p.raw));
    ("Raw.offset", index (Raw.offset p.raw));
    ("Raw.len", index (Raw.len p.raw));
    ( "Raw.alloc",
      Numbers
        [
          number "count" 4 (fun n ->
              code (Raw.alloc pool none n);
              code (Raw.free pool none n));
        ] );
    ( "Raw.free",
      Numbers [ number "count" 0 (fun n -> code (Raw.free pool none n)) ] );
    ( "Raw.rx_batch",
      Numbers
        [
          number "queue" 0 (fun queue ->
              code (Raw.rx_batch device ~queue none 4));
          number "count" 4 (fun n ->
              code (Raw.rx_batch device ~queue:0 none n));
        ] );
    ( "Raw.tx_batch",
      Numbers
        [
          number "queue" 0 (fun queue ->
              code (Raw.tx_batch device ~queue none 0));
          number "count" 0 (fun n ->
              code (Raw.tx_batch device ~queue:0 none n));
        ] );
    ( "Raw.read",
      Numbers
        [
          number "frame" 0 (fun i ->
              code (Raw.read pool p.raw i ~pos:0 p.bytes));
          number "position" 0 (fun pos ->
              code (Raw.read pool p.raw 0 ~pos p.bytes));
        ] );
    ( "Raw.write",
      Numbers
        [
          number "frame" 0 (fun i ->
              code (Raw.write pool p.raw i ~pos:0 p.bytes));
          number "position" 0 (fun pos ->
              code (Raw.write pool p.raw 0 ~pos p.bytes));
        ] );
    ( "Raw.error",
      Any
        (fun n ->
          let known = n >= -19 && n < 0 in
          bool (string_of_int n) known ((Raw.error n).name <> "IXY_E_UNKNOWN"))
    );
  ]

let table p =
  let pool f = number f in
  [
    ("get_ok", None_taken);
    ("pp_error", None_taken);
    ("error_to_string", None_taken);
    ("version", None_taken);
    ("abi_version", None_taken);
    ("batch_max", None_taken);
    ( "Pool.open_",
      let open_ f n =
        match f n with
        | Ok pool -> get_ok (Pool.close pool)
        | Result.Error _ -> raise Refused
      in
      Numbers
        [
          pool "buffers" 64 (open_ (fun buffers -> Pool.open_ ~buffers ()));
          pool "buffer_size" 2048
            (open_ (fun buffer_size -> Pool.open_ ~buffers:64 ~buffer_size ()));
        ] );
    ("Pool.close", None_taken);
    ("Pool.free_count", None_taken);
    ("Pool.buffer_count", None_taken);
    ("Pool.buffer_size", None_taken);
    ("Pool.headroom", None_taken);
    ("Pool.unsafe_bigarray", None_taken);
    ("Metadata.none", None_taken);
  ]
  @ frames p @ accessors p @ copies p @ devices p @ raw_level p

(* ---- the walk ---- *)

(* The values that the interface declares, "Batch.len". *)
let declared () =
  let folder = Filename.dirname Sys.executable_name in
  let channel = open_in (Filename.concat folder "../src/ixy.mli") in
  let rec read inside found =
    match input_line channel with
    | exception End_of_file -> List.rev found
    | line -> (
        match String.split_on_char ' ' (String.trim line) with
        | "module" :: name :: ":" :: "sig" :: _ -> read (name ^ ".") found
        | [ "end" ] -> read "" found
        | "val" :: name :: _ -> read inside ((inside ^ name) :: found)
        | _ -> read inside found)
  in
  Fun.protect ~finally:(fun () -> close_in channel) (fun () -> read "" [])

let refused f n =
  match f n with
  | () -> false
  | exception (Refused | Error _ | Invalid_argument _) -> true

let with_place f =
  with_pool ~buffers:8192 (fun pool ->
      with_device pool (fun device ->
          with_device ~address:"emu:82599" pool (fun waiting ->
              let b = one pool 60 in
              let raw = Raw.frames 1 in
              Raw.set raw 0 ~handle:(Batch.handle b 0)
                ~offset:(Batch.offset b 0) ~len:60;
              let wide = Batch.create pool 4 in
              f
                {
                  pool;
                  device;
                  waiting;
                  b;
                  wide;
                  raw;
                  bytes = Bytes.make 60 'a';
                };
              int "the packet is as it was" 60 (Batch.len b 0);
              free b)))

let test_walk () =
  with_place (fun p ->
      let table = table p in
      List.iter
        (fun (name, walk) ->
          match walk with
          | None_taken -> ()
          | Any look -> List.iter look (odd (number name 0 ignore))
          | Numbers parameters ->
              List.iter
                (fun parameter ->
                  let what = name ^ ", " ^ parameter.name in
                  bool
                    (what ^ ": what is right")
                    false
                    (refused parameter.call parameter.good);
                  List.iter
                    (fun n ->
                      bool
                        (Printf.sprintf "%s: %d" what n)
                        true
                        (refused parameter.call n))
                    (odd parameter))
                parameters)
        table)

let test_whole () =
  with_place (fun p ->
      let sorted = List.sort compare in
      Alcotest.(check (list string))
        "the table has each function of the interface"
        (sorted (declared ()))
        (sorted (List.map fst (table p))))

(* What is written are the low bits, and nothing beside them. *)
let test_low_bits () =
  with_place (fun { b; _ } ->
      let check width set shown =
        List.iter
          (fun x ->
            Batch.blit_of_string (String.make 60 'a') 0 b 0 0 60;
            set b 0 8 x;
            string "beside it" (String.make 8 'a') (Batch.sub_string b 0 0 8);
            string "behind it" (String.make 8 'a')
              (Batch.sub_string b 0 (8 + width) 8);
            int (string_of_int x)
              (x land ((1 lsl (8 * width)) - 1))
              (shown b 0 8))
          (odd (number "" 7 ignore))
      in
      check 1 Batch.set_uint8 Batch.get_uint8;
      check 2 Batch.set_uint16_be Batch.get_uint16_be;
      check 2 Batch.set_uint16_le Batch.get_uint16_le;
      check 4 Batch.set_uint32_be Batch.get_uint32_be;
      check 4 Batch.set_uint32_le Batch.get_uint32_le;
      List.iter
        (fun x ->
          Batch.set_uint8 b 0 0 7;
          Batch.add_uint8 b 0 0 x;
          int "added" ((7 + x) land 0xff) (Batch.get_uint8 b 0 0))
        (odd (number "" 7 ignore)))

let test_timeouts () =
  with_pool (fun pool ->
      with_device ~address:"emu:82599" pool (fun device ->
          List.iter
            (fun timeout ->
              fails "IXY_E_ARGUMENT" (string_of_float timeout) (fun () ->
                  Device.rx_wait ~timeout device ~queue:0))
            [ nan; -1e-300; -1.; neg_infinity; -.max_float ]))

(* Numbers of other types are no ints: no program that mixes them compiles. *)
let test_types () =
  List.iter
    (fun (argument, of_type) ->
      List.iter
        (fun call ->
          let body = Printf.sprintf "let f b p r = " ^ call argument in
          let said = compiler_says body in
          bool (body ^ ": " ^ said) true (contains said ("type " ^ of_type)))
        [
          Printf.sprintf "ignore p; ignore r; Ixy.Batch.get_uint8 b 0 %s";
          Printf.sprintf "ignore p; ignore r; Ixy.Batch.sub_string b 0 0 %s";
          Printf.sprintf "ignore b; ignore r; Ixy.Batch.create p %s";
          Printf.sprintf
            "ignore b; ignore r; ignore p; Ixy.Pool.open_ ~buffers:%s ()";
          Printf.sprintf "ignore b; ignore p; Ixy.Raw.len r %s";
        ])
    [
      ("0.5", "float");
      ("0l", "int32");
      ("0L", "int64");
      ("0n", "nativeint");
      ("'0'", "char");
      ("true", "bool");
    ];
  let detail = "a type error: nothing is converted by itself" in
  column "number of another type" "compile time" ~batch:detail ~raw:detail

let () =
  let case name f = Alcotest.test_case name `Quick f in
  Alcotest.run "numbers"
    [
      ( "numbers",
        [
          case "every function" test_walk;
          case "no function is left out" test_whole;
          case "low bits" test_low_bits;
          case "timeouts" test_timeouts;
          case "of other types" test_types;
        ] );
    ]
