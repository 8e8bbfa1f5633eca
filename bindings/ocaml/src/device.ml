open Calls
open Errors

(* The first field comes first so that devices cannot be compared or
   marshalled. *)
type t = { kept : Handle.t; handle : int; pool : Pool.t option }

(* They stand in the order of C's IXY_CAN_* bits. *)
type capability =
  | Rx_checksum
  | Tx_checksum
  | Vlan_strip
  | Vlan_insert
  | Rx_timestamp
  | Jumbo
  | Queue_stats
  | Rx_wait

type found = {
  address : string;
  name : string;
  kernel_driver : string;
  missing : string;
  vendor : int;
  device_id : int;
  usable : bool;
}

type info = {
  driver : string;
  name : string;
  address : string;
  vendor : int;
  device_id : int;
  rx_queues : int;
  tx_queues : int;
  rx_ring_size : int;
  tx_ring_size : int;
  tx_len_min : int;
  tx_len_max : int;
  emulated : bool;
  capabilities : capability list;
  offloads : capability list;
  rx_len_max : int;
  rx_frames_max : int;
}

type link = { up : bool; speed_mbps : int }

type queue_stats = {
  rx_packets : int;
  rx_bytes : int;
  tx_packets : int;
  tx_bytes : int;
  rx_missed : int;
  rx_dropped : int;
  rx_starved : int;
}

type stats = {
  rx_packets : int;
  rx_bytes : int;
  tx_packets : int;
  tx_bytes : int;
  rx_missed : int;
  rx_errors : int;
  rx_dropped : int;
  rx_starved : int;
}

external find : unit -> (found list, error) result
  = "ixy_ocaml_device_find"

external open_stub :
  Handle.t ->
  string ->
  int ->
  int ->
  int ->
  int ->
  capability list ->
  int ->
  int ->
  (int, error) result
  = "ixy_ocaml_device_open_byte" "ixy_ocaml_device_open"

external start_stub : Handle.t -> (unit, error) result
  = "ixy_ocaml_device_start"

external reset_stub : Handle.t -> (unit, error) result
  = "ixy_ocaml_device_reset"

external close_stub : Handle.t -> (unit, error) result
  = "ixy_ocaml_device_close"

external info_stub : int -> (info, error) result
  = "ixy_ocaml_device_info"

external link_stub : int -> (link, error) result
  = "ixy_ocaml_device_link"

external stats_stub : int -> (stats, error) result
  = "ixy_ocaml_device_stats"

external features_stub : int -> (string list, error) result
  = "ixy_ocaml_device_features"

external queue_stats_stub : int -> int -> (queue_stats, error) result
  = "ixy_ocaml_device_queue_stats"

external mac_stub : int -> (string, error) result
  = "ixy_ocaml_device_mac"

external mac_set_stub : int -> string -> (unit, error) result
  = "ixy_ocaml_device_mac_set"

external promiscuous_set_stub : int -> bool -> (unit, error) result
  = "ixy_ocaml_device_promiscuous_set"

external rx_descr_stub : int -> int -> (Unix.file_descr, error) result
  = "ixy_ocaml_rx_fd"

external rx_wait_stub : Handle.t -> int -> int -> (bool, error) result
  = "ixy_ocaml_rx_wait"

external rx_wake_stub : int -> int -> int = "ixy_ocaml_rx_wake"

let close device = close_stub device.kept

let open_ ?pool ?(rx_queues = 0) ?(tx_queues = 0) ?(rx_ring_size = 0)
    ?(tx_ring_size = 0) ?(offloads = []) ?(frame_len_max = 0) address =
  let pool_handle = match pool with None -> 0 | Some p -> Pool.handle p in
  if String.contains address '\000' then
    Result.Error
      {
        (error_of_code (-11)) with
        text = "the address holds a NUL character; right is emu:82599";
      }
  else
    Handle.collecting (fun () ->
        let kept = Handle.device (Option.map (fun p -> p.Pool.kept) pool) in
        Handle.opening kept (fun () ->
            match
              open_stub kept address rx_queues tx_queues rx_ring_size
                tx_ring_size offloads frame_len_max pool_handle
            with
            | Error _ as e -> e
            | Ok handle -> Ok { kept; handle; pool }))

let handle device = device.handle
let start device = start_stub device.kept
let reset device = reset_stub device.kept
let info device = info_stub device.handle
let link device = link_stub device.handle
let stats device = stats_stub device.handle
let queue_stats device ~queue = queue_stats_stub device.handle queue
let features device = features_stub device.handle

let mac device =
  match mac_stub device.handle with
  | Error _ as e -> e
  | Ok mac ->
      let byte i = Char.code mac.[i] in
      Ok
        (Printf.sprintf "%02x:%02x:%02x:%02x:%02x:%02x" (byte 0) (byte 1)
           (byte 2) (byte 3) (byte 4) (byte 5))

let parse_mac text =
  let digit c =
    match c with
    | '0' .. '9' -> Char.code c - Char.code '0'
    | 'a' .. 'f' -> Char.code c - Char.code 'a' + 10
    | 'A' .. 'F' -> Char.code c - Char.code 'A' + 10
    | _ -> raise Exit
  in
  let byte part =
    if String.length part <> 2 then raise Exit;
    Char.chr ((16 * digit part.[0]) + digit part.[1])
  in
  match List.map byte (String.split_on_char ':' text) with
  | [ _; _; _; _; _; _ ] as bytes -> Some (String.of_seq (List.to_seq bytes))
  | _ -> None
  | exception Exit -> None

let set_mac device text =
  match parse_mac text with
  | Some mac -> mac_set_stub device.handle mac
  | None ->
      Result.Error
        {
          (error_of_code e_argument) with
          text =
            Printf.sprintf
              "\"%s\" is no MAC address; right is text like 02:00:00:00:00:09"
              text;
        }

let set_promiscuous device on = promiscuous_set_stub device.handle on

(* Only frames of its own pool may come into a batch. *)
let[@inline] rx_code device queue (batch : Batch.t) =
  match device.pool with
  | Some pool when pool != batch.pool -> e_argument
  | Some _ | None ->
      let length = batch.length in
      let got =
        rx device.handle queue batch.frames length (batch.capacity - length)
      in
      if got > 0 then batch.length <- length + got;
      got

let[@inline] tx_code device queue (batch : Batch.t) =
  let length = batch.length in
  let sent = tx device.handle queue batch.frames 0 length in
  Batch.drop batch length sent;
  sent

let rx_batch_exn device ~queue batch = check (rx_code device queue batch)
let rx_batch device ~queue batch = result (rx_code device queue batch)
let tx_batch_exn device ~queue batch = check (tx_code device queue batch)
let tx_batch device ~queue batch = result (tx_code device queue batch)

let rx_descr device ~queue = rx_descr_stub device.handle queue

let rx_arm device ~queue =
  match rx_arm device.handle queue with
  | code when code < 0 -> Result.Error (error_of_code code)
  | code -> Ok (code > 0)

let rx_wake device ~queue =
  match rx_wake_stub device.handle queue with
  | code when code < 0 -> Result.Error (error_of_code code)
  | _ -> Ok ()

let rx_wait ?timeout device ~queue =
  let milliseconds =
    match timeout with
    | None -> Some (-1)
    | Some seconds when seconds >= 0. ->
        (* rounded up, so that no sleep becomes a look *)
        Some (int_of_float (Float.min 2147483647. (ceil (seconds *. 1000.))))
    | Some _ -> None
  in
  match milliseconds with
  | None ->
      Result.Error
        {
          (error_of_code e_argument) with
          text = "the timeout is not 0 or more seconds; without one, it waits";
        }
  | Some milliseconds -> rx_wait_stub device.kept queue milliseconds
