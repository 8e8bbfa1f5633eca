(* The benchmark's workload in OCaml, over the binding's default checked packet
   type. Requests and replies: see benchmarks/README.md or the C forwarder. *)

open Ixy

let touched_byte = 48
let pool_buffers = 8192
let patience_nanoseconds = 5_000_000_000

type run = {
  frames : int;
  pool : Pool.t;
  a : Device.t;
  b : Device.t;
  batch : Batch.t;
  mutable received : int;
  mutable polls : int;
  mutable empty_polls : int;
  mutable freed : int;
}

(* One way: returns the frames received. *)
let forward run from into =
  let batch = run.batch in
  let received = Device.rx_batch_exn from ~queue:0 batch in
  run.polls <- run.polls + 1;
  if received = 0 then run.empty_polls <- run.empty_polls + 1
  else (
    for i = 0 to received - 1 do
      Batch.add_uint8 batch i touched_byte 1
    done;
    let sent = Device.tx_batch_exn into ~queue:0 batch in
    if sent < received then run.freed <- run.freed + Batch.free_exn batch;
    run.received <- run.received + received);
  received

type totals = {
  counters : Emu.counters list;
  seen : int;  (** by the sinks, or missed *)
  rx_missed : int;
}

let sum f = List.fold_left (fun total x -> total + f x) 0

let totals run =
  let devices = [ run.a; run.b ] in
  let counters = List.map (fun d -> get_ok (Emu.counters d)) devices in
  let rx_missed =
    sum (fun d -> (get_ok (Device.stats d)).Device.rx_missed) devices
  in
  let seen =
    sum
      (fun (c : Emu.counters) ->
        c.verified + c.damaged + c.repeated + c.foreign)
      counters
  in
  { counters; seen = seen + rx_missed; rx_missed }

let now device = (get_ok (Emu.meter device)).Emu.nanoseconds

(* Called on every 4096th poll of both without a frame. *)
let give_up run waiting_since =
  run.received + (totals run).rx_missed >= run.frames
  ||
  (if now run.a - waiting_since > patience_nanoseconds then
   failwith
     (Printf.sprintf "%d of %d frames arrived, then none for 5 s" run.received
        run.frames);
   false)

let[@inline never] forward_all run =
  let idle = ref 0 in
  let waiting_since = ref 0 in
  let stop = ref false in
  while run.received < run.frames && not !stop do
    let there = forward run run.a run.b in
    let back = forward run run.b run.a in
    if there + back > 0 then idle := 0
    else (
      incr idle;
      if !idle land 4095 = 0 then (
        if !idle = 4096 then waiting_since := now run.a;
        stop := give_up run !waiting_since))
  done

(* Until the sinks have seen all that was sent, or nothing more comes. *)
let settle run =
  let start = now run.a in
  let rec wait () =
    let seen = totals run in
    if
      seen.seen + run.freed >= run.frames
      || now run.a - start > patience_nanoseconds
    then seen
    else (
      Unix.sleepf 0.;
      wait ())
  in
  wait ()

let figures run =
  (* A is read last before and first after: its clock is the sample's. *)
  let start_b = get_ok (Emu.meter run.b) in
  let start_a = get_ok (Emu.meter run.a) in
  forward_all run;
  let end_a = get_ok (Emu.meter run.a) in
  let end_b = get_ok (Emu.meter run.b) in
  let t = settle run in
  let both f = f end_a - f start_a + f end_b - f start_b in
  let all f = sum f t.counters in
  [
    ("frames", run.frames);
    ("cycles", end_a.cycles - start_a.cycles);
    ("nanoseconds", end_a.nanoseconds - start_a.nanoseconds);
    ("model_cycles", both (fun (m : Emu.meter) -> m.model_cycles));
    ("steps", both (fun (m : Emu.meter) -> m.steps));
    ("idle_steps", both (fun (m : Emu.meter) -> m.idle_steps));
    ("bracket_cycles", end_a.bracket_cycles);
    ("polls", run.polls);
    ("empty_polls", run.empty_polls);
    ("freed", run.freed);
    ("generated", all (fun (c : Emu.counters) -> c.generated));
    ("verified", all (fun (c : Emu.counters) -> c.verified));
    ("damaged", all (fun (c : Emu.counters) -> c.damaged));
    ("repeated", all (fun (c : Emu.counters) -> c.repeated));
    ("foreign", all (fun (c : Emu.counters) -> c.foreign));
    ("rx_missed", t.rx_missed);
    ("violations", all (fun (c : Emu.counters) -> c.violations));
  ]

let with_device pool address f =
  let device = get_ok (Device.open_ ~pool address) in
  Fun.protect
    ~finally:(fun () -> ignore (Device.close device : (unit, error) result))
    (fun () -> f device)

let measure batch timing frames device =
  let address =
    Printf.sprintf "%s,wire=gen,limit=%d,burst=%d,timing=%s" device
      (frames / 2) (max batch 8) timing
  in
  let pool = get_ok (Pool.open_ ~buffers:pool_buffers ()) in
  Fun.protect
    ~finally:(fun () -> ignore (Pool.close pool : (unit, error) result))
    (fun () ->
      with_device pool address (fun a ->
          with_device pool address (fun b ->
              get_ok (Device.start a);
              get_ok (Device.start b);
              figures
                {
                  frames = frames / 2 * 2;
                  pool;
                  a;
                  b;
                  batch = Batch.create pool batch;
                  received = 0;
                  polls = 0;
                  empty_polls = 0;
                  freed = 0;
                })))

(* ---- the protocol ---- *)

let json_string text =
  let buffer = Buffer.create (String.length text + 2) in
  let add = function
    | '"' | '\\' -> Buffer.add_char buffer '\''
    | '\000' .. '\031' -> Buffer.add_char buffer ' '
    | c -> Buffer.add_char buffer c
  in
  String.iter add text;
  "\"" ^ Buffer.contents buffer ^ "\""

let json members =
  let member (name, value) = Printf.sprintf "\"%s\":%s" name value in
  "{" ^ String.concat "," (List.map member members) ^ "}"

exception Misunderstood

let answer line =
  match
    match String.split_on_char ' ' line with
    | "run" :: "safe" :: batch :: (("inline" | "threaded") as timing) :: frames
      :: (([] | [ _ ]) as rest) -> (
        let device = match rest with [] -> "emu:82599" | d :: _ -> d in
        match (int_of_string_opt batch, int_of_string_opt frames) with
        | Some batch, Some frames
          when batch >= 1 && batch <= batch_max && frames >= 2 ->
            measure batch timing frames device
        | _ -> raise Misunderstood)
    | _ -> raise Misunderstood
  with
  | figures ->
      json (List.map (fun (name, n) -> (name, string_of_int n)) figures)
  | exception Error e -> json [ ("error", json_string (error_to_string e)) ]
  | exception Failure text -> json [ ("error", json_string text) ]
  | exception Misunderstood ->
      json
        [
          ( "error",
            json_string
              "a request is: run safe BATCH inline|threaded FRAMES [DEVICE], \
               or: quit" );
        ]

let () =
  print_endline
    (json
       [
         ("ready", "true");
         ("language", json_string "ocaml");
         ("variants", "[\"safe\"]");
         ("toolchain", json_string ("OCaml " ^ Sys.ocaml_version));
       ]);
  let rec serve () =
    match String.trim (input_line stdin) with
    | "quit" -> ()
    | "" -> serve ()
    | line ->
        print_endline (answer line);
        serve ()
  in
  try serve () with End_of_file -> ()
