(* The guest tests' forwarder in OCaml; what it does: ../c/forward.c. *)

open Ixy

let touched_byte = 48
let batch_size = 32
let exit_device = 3
let sleep_seconds = 1.

(* One way: returns how many frames went. *)
let pass_on batch source sink =
  let count = Device.rx_batch_exn source ~queue:0 batch in
  for i = 0 to count - 1 do
    Batch.add_uint8 batch i touched_byte 1
  done;
  while Batch.length batch > 0 do
    ignore (Device.tx_batch_exn sink ~queue:0 batch : int)
  done;
  count

(* Sleeps until there may be something to receive. *)
let sleep devices =
  let ready =
    List.exists (fun device -> get_ok (Device.rx_arm device ~queue:0)) devices
  in
  if not ready then
    let descriptors =
      List.map (fun device -> get_ok (Device.rx_descr device ~queue:0)) devices
    in
    ignore (Unix.select descriptors [] [] sleep_seconds : _ * _ * _)

let forward pool devices frames wait seen =
  let batch = Batch.create pool batch_size in
  let ways = List.combine devices (List.rev devices) in
  while !seen < frames do
    let before = !seen in
    List.iter
      (fun (source, sink) -> seen := !seen + pass_on batch source sink)
      ways;
    if wait && !seen = before then sleep devices
  done

(* A packet call has no text of its own; of a device that failed, its link
   tells why. *)
let reason devices error =
  let failed device =
    match Device.link device with
    | Error ({ code = Device; _ } as why) -> Some why
    | _ -> None
  in
  Option.value (List.find_map failed devices) ~default:error

let run wait frames addresses =
  let pool = get_ok (Pool.open_ ()) in
  let devices =
    List.map (fun address -> get_ok (Device.open_ ~pool address)) addresses
  in
  List.iter (fun device -> get_ok (Device.start device)) devices;
  print_endline "forwarding";
  let seen = ref 0 in
  let status =
    match forward pool devices frames wait seen with
    | () -> 0
    | exception Error ({ code = Device; _ } as error) ->
        print_endline (error_to_string (reason devices error));
        exit_device
  in
  List.iter (fun device -> get_ok (Device.close device)) devices;
  get_ok (Pool.close pool);
  Printf.printf "%d frames\nclosed cleanly\n" !seen;
  status

let () =
  let arguments = List.tl (Array.to_list Sys.argv) in
  let wait, arguments =
    match arguments with
    | "--wait" :: rest -> (true, rest)
    | all -> (false, all)
  in
  match arguments with
  | frames :: addresses -> (
      match run wait (int_of_string frames) addresses with
      | status -> exit status
      | exception Error error ->
          print_endline (error_to_string error);
          exit 1)
  | [] ->
      prerr_endline "forward-ocaml [--wait] FRAMES ADDRESS [ADDRESS]";
      exit 2
