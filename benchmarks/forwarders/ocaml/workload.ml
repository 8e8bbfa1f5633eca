(* What the OCaml forwarders share: a run's figures, and the protocol. Requests
   and replies: see benchmarks/README.md or the C forwarder. *)

let touched_byte = 48
let pool_buffers = 8192
let patience_nanoseconds = 5_000_000_000
let calls_address = "emu:82599,wire=loop,timing=threaded"

type meter = {
  bracket_cycles : int;
  cycles : int;
  nanoseconds : int;
  model_cycles : int;
  steps : int;
  idle_steps : int;
}

type counters = {
  generated : int;
  verified : int;
  damaged : int;
  repeated : int;
  foreign : int;
  violations : int;
  rx_missed : int;
}

(* A device, as far as measuring goes. *)
type port = { meter : unit -> meter; counters : unit -> counters }

(* What the forwarder counts. *)
type run = {
  frames : int;
  a : port;
  b : port;
  mutable received : int;
  mutable polls : int;
  mutable empty_polls : int;
  mutable freed : int;
}

let run frames a b =
  { frames; a; b; received = 0; polls = 0; empty_polls = 0; freed = 0 }

let total run =
  let a = run.a.counters () and b = run.b.counters () in
  {
    generated = a.generated + b.generated;
    verified = a.verified + b.verified;
    damaged = a.damaged + b.damaged;
    repeated = a.repeated + b.repeated;
    foreign = a.foreign + b.foreign;
    violations = a.violations + b.violations;
    rx_missed = a.rx_missed + b.rx_missed;
  }

let now run = (run.a.meter ()).nanoseconds

(* Called on every 4096th poll of both without a frame. *)
let give_up run waiting_since =
  run.received + (total run).rx_missed >= run.frames
  ||
  (if now run - waiting_since > patience_nanoseconds then
   failwith
     (Printf.sprintf "%d of %d frames arrived, then none for 5 s" run.received
        run.frames);
   false)

(* [forward] goes both ways once and returns how many frames it received. It is
   inlined, with its loop, into a function that each forwarder calls
   forward_all. *)
let[@inline always] forward_until_all run forward =
  let idle = ref 0 in
  let waiting_since = ref 0 in
  let stop = ref false in
  while run.received < run.frames && not !stop do
    if forward () > 0 then idle := 0
    else (
      incr idle;
      if !idle land 4095 = 0 then (
        if !idle = 4096 then waiting_since := now run;
        stop := give_up run !waiting_since))
  done

(* Until the sinks have seen all that was sent, or nothing more comes. *)
let settle run =
  let start = now run in
  let rec wait () =
    let t = total run in
    let seen =
      t.verified + t.damaged + t.repeated + t.foreign + t.rx_missed + run.freed
    in
    if seen >= run.frames || now run - start > patience_nanoseconds then t
    else (
      Unix.sleepf 0.;
      wait ())
  in
  wait ()

(* The clock is that of the first. *)
let between starts ends =
  let sum f =
    List.fold_left2 (fun total s e -> total + f e - f s) 0 starts ends
  in
  let start = List.hd starts and stop = List.hd ends in
  [
    ("cycles", stop.cycles - start.cycles);
    ("nanoseconds", stop.nanoseconds - start.nanoseconds);
    ("model_cycles", sum (fun m -> m.model_cycles));
    ("steps", sum (fun m -> m.steps));
    ("idle_steps", sum (fun m -> m.idle_steps));
    ("bracket_cycles", stop.bracket_cycles);
  ]

let figures run forward_all =
  (* A is read last before and first after: its clock is the sample's. *)
  let start_b = run.b.meter () in
  let start_a = run.a.meter () in
  forward_all ();
  let end_a = run.a.meter () in
  let end_b = run.b.meter () in
  let t = settle run in
  between [ start_a; start_b ] [ end_a; end_b ]
  @ [
      ("frames", run.frames);
      ("polls", run.polls);
      ("empty_polls", run.empty_polls);
      ("freed", run.freed);
      ("generated", t.generated);
      ("verified", t.verified);
      ("damaged", t.damaged);
      ("repeated", t.repeated);
      ("foreign", t.foreign);
      ("rx_missed", t.rx_missed);
      ("violations", t.violations);
    ]

(* [calls ()] makes [count] of them on the port. *)
let call_figures port count calls =
  let start = port.meter () in
  calls ();
  let stop = port.meter () in
  [
    ("calls", count);
    ("cycles", stop.cycles - start.cycles);
    ("nanoseconds", stop.nanoseconds - start.nanoseconds);
  ]

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

type forwarder = {
  variant : string;
  forward : batch:int -> frames:int -> string -> (string * int) list;
      (** of the address of both ports *)
  call : int -> (string * int) list;  (** ixy_rx_batch with 0 frames *)
  explain : exn -> string option;  (** of the library's own errors *)
}

let request forwarder line =
  match String.split_on_char ' ' line with
  | [ "call"; variant; calls ] when variant = forwarder.variant -> (
      match int_of_string_opt calls with
      | Some calls when calls >= 1 -> forwarder.call calls
      | _ -> raise Misunderstood)
  | "run" :: variant :: batch :: (("inline" | "threaded") as timing) :: frames
    :: (([] | [ _ ]) as rest)
    when variant = forwarder.variant -> (
      let device = match rest with [] -> "emu:82599" | d :: _ -> d in
      match (int_of_string_opt batch, int_of_string_opt frames) with
      | Some batch, Some frames when batch >= 1 && batch <= 4096 && frames >= 2
        ->
          forwarder.forward ~batch
            ~frames:(frames / 2 * 2)
            (Printf.sprintf "%s,wire=gen,limit=%d,burst=%d,timing=%s" device
               (frames / 2) (max batch 8) timing)
      | _ -> raise Misunderstood)
  | _ -> raise Misunderstood

let answer forwarder line =
  match request forwarder line with
  | figures ->
      json (List.map (fun (name, n) -> (name, string_of_int n)) figures)
  | exception error ->
      let text =
        match (error, forwarder.explain error) with
        | _, Some text | Failure text, None -> text
        | Misunderstood, None ->
            Printf.sprintf
              "a request is: run %s BATCH inline|threaded FRAMES [DEVICE], or: \
               call %s CALLS, or: quit"
              forwarder.variant forwarder.variant
        | error, None -> raise error
      in
      json [ ("error", json_string text) ]

let serve forwarder =
  print_endline
    (json
       [
         ("ready", "true");
         ("language", json_string "ocaml");
         ("variants", "[" ^ json_string forwarder.variant ^ "]");
         ("toolchain", json_string ("OCaml " ^ Sys.ocaml_version));
       ]);
  let rec next () =
    match String.trim (input_line stdin) with
    | "quit" -> ()
    | "" -> next ()
    | line ->
        print_endline (answer forwarder line);
        next ()
  in
  try next () with End_of_file -> ()
