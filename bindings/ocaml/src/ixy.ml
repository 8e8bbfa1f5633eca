open Bigarray

(* ---- errors ---- *)

type code =
  | Handle
  | Argument
  | Range
  | Frame
  | Busy
  | State
  | No_memory
  | No_buffers
  | Pool_size
  | Timeout
  | Address
  | Not_found
  | Permission
  | Unsupported
  | Struct
  | Fork
  | Device
  | Io
  | Limit
  | Unknown of int

type error = { code : code; name : string; text : string }

exception Error of error

external error_of_code : int -> error = "ixy_ocaml_error"

let e_handle = -1
let e_argument = -2
let e_range = -3
let e_frame = -4
let pp_error ppf e = Format.fprintf ppf "%s: %s" e.name e.text
let error_to_string e = Format.asprintf "%a" pp_error e
let get_ok = function Ok x -> x | Result.Error e -> raise (Error e)

let () =
  Printexc.register_printer (function
    | Error e -> Some ("Ixy.Error " ^ error_to_string e)
    | _ -> None)

(* The inlined checks say [raise (refusal ...)] with a function that makes the
   exception: a call that returned would have the compiler spill registers
   around it on the good path too. *)
let[@inline never] exn_of_code code = Error (error_of_code code)
let exn_of code text = Error { (error_of_code code) with text }
let fail code text = raise (exn_of code text)

let[@inline] check count =
  if count < 0 then raise (exn_of_code count) else count

let result count =
  if count < 0 then Result.Error (error_of_code count) else Ok count

(* ---- the library ---- *)

external initialize : unit -> unit = "ixy_ocaml_initialize"
external abi_version : unit -> int = "ixy_ocaml_abi_version"
external version : unit -> string = "ixy_ocaml_version"

let batch_max = 4096

let () =
  if Sys.int_size < 63 || Sys.big_endian then
    failwith "libixy: a little-endian 64-bit machine is needed";
  if abi_version () <> 1 then
    failwith
      (Printf.sprintf "libixy: this binding is for ABI 1, the C library has %d"
         (abi_version ()));
  initialize ()

(* Two ints a frame: the handle, and offset | len << 32 | flags << 48 (of which
   an int loses the highest bit; the library sets none). *)
type frames = (int, int_elt, c_layout) Array1.t
type memory = (char, int8_unsigned_elt, c_layout) Array1.t

external buf_alloc :
  (int[@untagged]) ->
  frames ->
  (int[@untagged]) ->
  (int[@untagged]) ->
  (int[@untagged]) = "ixy_ocaml_buf_alloc_byte" "ixy_ocaml_buf_alloc"
  [@@noalloc]

external buf_free :
  (int[@untagged]) ->
  frames ->
  (int[@untagged]) ->
  (int[@untagged]) ->
  (int[@untagged]) = "ixy_ocaml_buf_free_byte" "ixy_ocaml_buf_free"
  [@@noalloc]

external rx :
  (int[@untagged]) ->
  (int[@untagged]) ->
  frames ->
  (int[@untagged]) ->
  (int[@untagged]) ->
  (int[@untagged]) = "ixy_ocaml_rx_batch_byte" "ixy_ocaml_rx_batch"
  [@@noalloc]

external tx :
  (int[@untagged]) ->
  (int[@untagged]) ->
  frames ->
  (int[@untagged]) ->
  (int[@untagged]) ->
  (int[@untagged]) = "ixy_ocaml_tx_batch_byte" "ixy_ocaml_tx_batch"
  [@@noalloc]

external buf_read : int -> frames -> int -> int -> Bytes.t -> int
  = "ixy_ocaml_buf_read"
  [@@noalloc]

external buf_write : int -> frames -> int -> int -> Bytes.t -> int
  = "ixy_ocaml_buf_write"
  [@@noalloc]

external copy_to_bytes : memory -> int -> Bytes.t -> int -> int -> unit
  = "ixy_ocaml_copy_to_bytes"
  [@@noalloc]

external copy_of_bytes : Bytes.t -> int -> memory -> int -> int -> unit
  = "ixy_ocaml_copy_of_bytes"
  [@@noalloc]

(* The compiler's own loads and stores of several bytes, unchecked. *)
external load16 : memory -> int -> int = "%caml_bigstring_get16u"
external load32 : memory -> int -> int32 = "%caml_bigstring_get32u"
external load64 : memory -> int -> int64 = "%caml_bigstring_get64u"
external store16 : memory -> int -> int -> unit = "%caml_bigstring_set16u"
external store32 : memory -> int -> int32 -> unit = "%caml_bigstring_set32u"
external store64 : memory -> int -> int64 -> unit = "%caml_bigstring_set64u"
external swap16 : int -> int = "%bswap16"
external swap32 : int32 -> int32 = "%bswap_int32"
external swap64 : int64 -> int64 = "%bswap_int64"

(* ---- pools ---- *)

module Pool = struct
  (* As the stub builds it. *)
  type opened = {
    handle : int;
    memory : memory;
    owner : frames;
    index_mask : int;
    buffer_count : int;
    buffer_size : int;
    stride : int;
    headroom : int;
  }

  type t = {
    opened : opened;
    mutable closed : bool;
    mutable forgotten : bool;
        (* The finaliser came while a device was still open on the pool: the
           device's closes the pool. *)
  }

  external open_stub : int -> int -> (opened, error) Stdlib.result
    = "ixy_ocaml_pool_open"

  external close_stub : int -> (unit, error) Stdlib.result
    = "ixy_ocaml_pool_close"

  external free_count_stub : int -> (int, error) Stdlib.result
    = "ixy_ocaml_pool_free_count"

  let close pool =
    match close_stub pool.opened.handle with
    | Ok () ->
        pool.closed <- true;
        Ok ()
    | Error _ as e -> e

  let collect pool =
    if not pool.closed then
      match close pool with
      | Error { code = Busy; _ } -> pool.forgotten <- true
      | Ok () | Error _ -> ()

  let open_ ?(buffers = 0) ?(buffer_size = 0) () =
    match open_stub buffers buffer_size with
    | Error _ as e -> e
    | Ok opened ->
        let pool = { opened; closed = false; forgotten = false } in
        Gc.finalise collect pool;
        Ok pool

  let free_count pool = free_count_stub pool.opened.handle
  let buffer_count pool = pool.opened.buffer_count
  let buffer_size pool = pool.opened.buffer_size
  let headroom pool = pool.opened.headroom
  let handle pool = pool.opened.handle
  let unsafe_bigarray pool = pool.opened.memory
end

(* ---- batches ---- *)

module Batch = struct
  (* Invariant: 0 <= length <= capacity, and each frame in [0, length) has a
     handle that is not 0 and lies inside the buffer that its handle names. So
     the accessors compare the handle with the ownership table and the position
     with the length, and nothing else. *)
  type t = {
    frames : frames;
    mutable length : int;
    owner : frames;
    index_mask : int;
    memory : memory;
    capacity : int;
    pool : Pool.t;
  }

  (* What slots from [length] on hold instead of a handle, unless a stale one:
     equal to no entry of an ownership table. *)
  let nothing = -1

  let create pool capacity =
    if capacity < 1 || capacity > batch_max then
      fail e_range
        (Printf.sprintf "a batch of %d frames; right are 1 to %d" capacity
           batch_max);
    let { Pool.owner; index_mask; memory; _ } = pool.Pool.opened in
    let frames = Array1.create Int C_layout (2 * capacity) in
    Array1.fill frames nothing;
    { frames; length = 0; owner; index_mask; memory; capacity; pool }

  let pool batch = batch.pool
  let capacity batch = batch.capacity
  let length batch = batch.length

  (* i + i is one instruction where 2 * i is three. *)
  let[@inline] handle_at (frames : frames) i = Array1.unsafe_get frames (i + i)

  let[@inline] place_at (frames : frames) i =
    Array1.unsafe_get frames (i + i + 1)

  let[@inline] offset_of place = place land 0xffff_ffff
  let[@inline] len_of place = (place lsr 32) land 0xffff

  let[@inline] owned batch (handle : int) =
    Array1.unsafe_get batch.owner (handle land batch.index_mask) = handle

  let[@inline never] no_frame batch i =
    exn_of e_range
      (Printf.sprintf "frame %d of a batch that holds %d" i batch.length)

  (* Why an access was refused. *)
  let[@inline never] refusal batch i pos width =
    if i < 0 || i >= batch.length then no_frame batch i
    else if not (owned batch (handle_at batch.frames i)) then
      exn_of e_handle
        (Printf.sprintf
           "the buffer of frame %d is no longer the program's: it was sent or \
            freed, or its pool is closed"
           i)
    else
      exn_of e_range
        (Printf.sprintf "%d bytes at %d of a packet of %d bytes" width pos
           (len_of (place_at batch.frames i)))

  (* Whether the [width] bytes at [pos] of frame [i] may be touched. Nothing
     overflows: [width] is not negative, [len_of place - width] is a small
     number, and [pos] is only compared.

     The accessors have the form [if refused ... then raise ... else access]:
     what the compiler loaded for the check, it knows in the branch behind it. *)
  let[@inline] refused batch i pos width =
    i < 0
    || i >= batch.length
    || Array1.unsafe_get batch.owner
         (handle_at batch.frames i land batch.index_mask)
       <> handle_at batch.frames i
    || pos < 0
    || pos > len_of (place_at batch.frames i) - width

  (* Where they are in the pool's memory. *)
  let[@inline] at batch i pos = offset_of (place_at batch.frames i) + pos

  let[@inline] check_index batch i =
    if i < 0 || i >= batch.length then raise (no_frame batch i)

  let[@inline] len batch i =
    check_index batch i;
    len_of (place_at batch.frames i)

  let[@inline] offset batch i =
    check_index batch i;
    offset_of (place_at batch.frames i)

  let[@inline] handle batch i =
    check_index batch i;
    handle_at batch.frames i

  let[@inline] is_owned batch i = owned batch (handle batch i)

  let[@inline] get_uint8 batch i pos =
    if refused batch i pos 1 then raise (refusal batch i pos 1)
    else Char.code (Array1.unsafe_get batch.memory (at batch i pos))

  let[@inline] set_uint8 batch i pos x =
    if refused batch i pos 1 then raise (refusal batch i pos 1)
    else Array1.unsafe_set batch.memory (at batch i pos) (Char.unsafe_chr x)

  let[@inline] add_uint8 batch i pos x =
    if refused batch i pos 1 then raise (refusal batch i pos 1)
    else
      let at = at batch i pos in
      Array1.unsafe_set batch.memory at
        (Char.unsafe_chr (Char.code (Array1.unsafe_get batch.memory at) + x))

  let[@inline] get_uint16_le batch i pos =
    if refused batch i pos 2 then raise (refusal batch i pos 2)
    else load16 batch.memory (at batch i pos)

  let[@inline] get_uint16_be batch i pos =
    if refused batch i pos 2 then raise (refusal batch i pos 2)
    else swap16 (load16 batch.memory (at batch i pos))

  let[@inline] set_uint16_le batch i pos x =
    if refused batch i pos 2 then raise (refusal batch i pos 2)
    else store16 batch.memory (at batch i pos) x

  let[@inline] set_uint16_be batch i pos x =
    if refused batch i pos 2 then raise (refusal batch i pos 2)
    else store16 batch.memory (at batch i pos) (swap16 x)

  let[@inline] get_uint32_le batch i pos =
    if refused batch i pos 4 then raise (refusal batch i pos 4)
    else Int32.to_int (load32 batch.memory (at batch i pos)) land 0xffff_ffff

  let[@inline] get_uint32_be batch i pos =
    if refused batch i pos 4 then raise (refusal batch i pos 4)
    else
      Int32.to_int (swap32 (load32 batch.memory (at batch i pos)))
      land 0xffff_ffff

  let[@inline] set_uint32_le batch i pos x =
    if refused batch i pos 4 then raise (refusal batch i pos 4)
    else store32 batch.memory (at batch i pos) (Int32.of_int x)

  let[@inline] set_uint32_be batch i pos x =
    if refused batch i pos 4 then raise (refusal batch i pos 4)
    else store32 batch.memory (at batch i pos) (swap32 (Int32.of_int x))

  let[@inline] get_int64_le batch i pos =
    if refused batch i pos 8 then raise (refusal batch i pos 8)
    else load64 batch.memory (at batch i pos)

  let[@inline] get_int64_be batch i pos =
    if refused batch i pos 8 then raise (refusal batch i pos 8)
    else swap64 (load64 batch.memory (at batch i pos))

  let[@inline] set_int64_le batch i pos x =
    if refused batch i pos 8 then raise (refusal batch i pos 8)
    else store64 batch.memory (at batch i pos) x

  let[@inline] set_int64_be batch i pos x =
    if refused batch i pos 8 then raise (refusal batch i pos 8)
    else store64 batch.memory (at batch i pos) (swap64 x)

  let locate batch i pos width =
    if refused batch i pos width then raise (refusal batch i pos width)
    else at batch i pos

  let check_bytes bytes off size =
    if off < 0 || size < 0 || off > Bytes.length bytes - size then
      fail e_range
        (Printf.sprintf "%d bytes at %d of a value of %d bytes" size off
           (Bytes.length bytes))

  let blit_to_bytes batch i pos bytes off size =
    check_bytes bytes off size;
    copy_to_bytes batch.memory (locate batch i pos size) bytes off size

  let blit_of_bytes bytes off batch i pos size =
    check_bytes bytes off size;
    copy_of_bytes bytes off batch.memory (locate batch i pos size) size

  let blit_of_string string off batch i pos size =
    blit_of_bytes (Bytes.unsafe_of_string string) off batch i pos size

  let sub_string batch i pos size =
    if size < 0 then raise (refusal batch i pos size);
    let at = locate batch i pos size in
    let bytes = Bytes.create size in
    copy_to_bytes batch.memory at bytes 0 size;
    Bytes.unsafe_to_string bytes

  let to_string batch i = sub_string batch i 0 (len batch i)

  (* Moves both ends of frame [i]'s packet inside its buffer. *)
  let move batch i ~by ~len =
    ignore (locate batch i 0 0 : int);
    let handle = handle_at batch.frames i in
    let place = place_at batch.frames i in
    let stride = batch.pool.Pool.opened.stride in
    let first = handle land batch.index_mask * stride in
    let start = offset_of place - first in
    (* by is compared first, so that the sums below cannot overflow. *)
    if
      by < -stride || by > stride || len < 0 || len > 0xffff
      || start + by < 0
      || start + by + len > stride
    then
      fail e_frame
        (Printf.sprintf
           "a packet of %d bytes from byte %d on does not fit into a buffer of \
            %d bytes"
           len
           (if by < -stride || by > stride then by else start + by)
           stride);
    let flags = place land lnot 0xffff_ffff_ffff in
    Array1.unsafe_set batch.frames
      ((2 * i) + 1)
      ((first + start + by) lor (len lsl 32) lor flags)

  let set_len batch i len = move batch i ~by:0 ~len

  let advance batch i by =
    let now = len batch i in
    if by > now then
      fail e_range (Printf.sprintf "%d bytes off a packet of %d bytes" by now);
    move batch i ~by ~len:(now - by)

  let add batch ~from i =
    if from.pool != batch.pool then
      fail e_argument "the two batches belong to different pools";
    let handle = handle from i in
    if batch.length = batch.capacity then
      fail e_range
        (Printf.sprintf "the batch is full with %d frames" batch.capacity);
    let last = batch.length in
    Array1.unsafe_set batch.frames (2 * last) handle;
    Array1.unsafe_set batch.frames ((2 * last) + 1) (place_at from.frames i);
    batch.length <- last + 1

  (* Takes the frames from [length] on out. *)
  let truncate batch length =
    for i = length to batch.length - 1 do
      Array1.unsafe_set batch.frames (2 * i) nothing
    done;
    batch.length <- length

  let clear batch = truncate batch 0

  (* Takes the first [count] frames out, whose ownership has moved. *)
  let[@inline never] drop_some batch count =
    let frames = batch.frames in
    for i = 2 * count to (2 * batch.length) - 1 do
      Array1.unsafe_set frames (i - (2 * count)) (Array1.unsafe_get frames i)
    done;
    truncate batch (batch.length - count)

  let[@inline] drop batch count =
    if count = batch.length then batch.length <- 0
    else if count > 0 then drop_some batch count

  let alloc_code batch count =
    if count < 0 || count > batch.capacity - batch.length then e_range
    else
      let got =
        buf_alloc (Pool.handle batch.pool) batch.frames batch.length count
      in
      if got > 0 then batch.length <- batch.length + got;
      got

  let free_code batch =
    let freed = buf_free (Pool.handle batch.pool) batch.frames 0 batch.length in
    drop batch freed;
    freed

  let alloc_exn batch count = check (alloc_code batch count)
  let alloc batch count = result (alloc_code batch count)
  let free_exn batch = check (free_code batch)
  let free batch = result (free_code batch)
end

(* ---- devices ---- *)

module Device = struct
  type t = { handle : int; pool : Pool.t option; mutable closed : bool }

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
  }

  type link = { up : bool; speed_mbps : int }

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

  external open_stub :
    string -> int -> int -> int -> int -> int -> (int, error) Stdlib.result
    = "ixy_ocaml_device_open_byte" "ixy_ocaml_device_open"

  external start_stub : int -> (unit, error) Stdlib.result
    = "ixy_ocaml_device_start"

  external reset_stub : int -> (unit, error) Stdlib.result
    = "ixy_ocaml_device_reset"

  external close_stub : int -> (unit, error) Stdlib.result
    = "ixy_ocaml_device_close"

  external info_stub : int -> (info, error) Stdlib.result
    = "ixy_ocaml_device_info"

  external link_stub : int -> (link, error) Stdlib.result
    = "ixy_ocaml_device_link"

  external stats_stub : int -> (stats, error) Stdlib.result
    = "ixy_ocaml_device_stats"

  external mac_stub : int -> (string, error) Stdlib.result
    = "ixy_ocaml_device_mac"

  external mac_set_stub : int -> string -> (unit, error) Stdlib.result
    = "ixy_ocaml_device_mac_set"

  external promiscuous_set_stub : int -> bool -> (unit, error) Stdlib.result
    = "ixy_ocaml_device_promiscuous_set"

  let close device =
    match close_stub device.handle with
    | Ok () ->
        device.closed <- true;
        Ok ()
    | Error _ as e -> e

  let collect device =
    if not device.closed then ignore (close device : (unit, error) Stdlib.result);
    match device.pool with
    | Some pool when pool.Pool.forgotten -> Pool.collect pool
    | Some _ | None -> ()

  let open_ ?pool ?(rx_queues = 0) ?(tx_queues = 0) ?(rx_ring_size = 0)
      ?(tx_ring_size = 0) address =
    let pool_handle = match pool with None -> 0 | Some p -> Pool.handle p in
    if String.contains address '\000' then
      Result.Error
        {
          (error_of_code (-11)) with
          text = "the address holds a NUL character; right is text like emu:82599";
        }
    else
      match
        open_stub address rx_queues tx_queues rx_ring_size tx_ring_size
          pool_handle
      with
      | Error _ as e -> e
      | Ok handle ->
          let device = { handle; pool; closed = false } in
          Gc.finalise collect device;
          Ok device

  let handle device = device.handle
  let start device = start_stub device.handle
  let reset device = reset_stub device.handle
  let info device = info_stub device.handle
  let link device = link_stub device.handle
  let stats device = stats_stub device.handle

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
        let got =
          rx device.handle queue batch.frames batch.length
            (batch.capacity - batch.length)
        in
        if got > 0 then batch.length <- batch.length + got;
        got

  let[@inline] tx_code device queue (batch : Batch.t) =
    let sent = tx device.handle queue batch.frames 0 batch.length in
    Batch.drop batch sent;
    sent

  let rx_batch_exn device ~queue batch = check (rx_code device queue batch)
  let rx_batch device ~queue batch = result (rx_code device queue batch)
  let tx_batch_exn device ~queue batch = check (tx_code device queue batch)
  let tx_batch device ~queue batch = result (tx_code device queue batch)
end

(* ---- emulated devices ---- *)

module Emu = struct
  type counters = {
    violations : int;
    generated : int;
    verified : int;
    damaged : int;
    repeated : int;
    reordered : int;
    foreign : int;
    wire_dropped : int;
  }

  type meter = {
    bracket_cycles : int;
    cycles : int;
    nanoseconds : int;
    model_cycles : int;
    steps : int;
    idle_steps : int;
  }

  external counters_stub : int -> (counters, error) Stdlib.result
    = "ixy_ocaml_emu_counters"

  external meter_stub : int -> (meter, error) Stdlib.result
    = "ixy_ocaml_emu_meter"

  external violations_stub : int -> (string list, error) Stdlib.result
    = "ixy_ocaml_emu_violations"

  let counters device = counters_stub (Device.handle device)
  let meter device = meter_stub (Device.handle device)
  let violations device = violations_stub (Device.handle device)
end

(* ---- the ABI's own level ---- *)

module Raw = struct
  type nonrec frames = frames

  let frames count =
    let frames = Array1.create Int C_layout (2 * max 1 count) in
    Array1.fill frames 0;
    frames

  let set frames i ~handle ~offset ~len =
    Array1.set frames (2 * i) handle;
    Array1.set frames
      ((2 * i) + 1)
      (offset land 0xffff_ffff lor ((len land 0xffff) lsl 32))

  let handle frames i = Array1.get frames (2 * i)
  let offset frames i = Batch.offset_of (Array1.get frames ((2 * i) + 1))
  let len frames i = Batch.len_of (Array1.get frames ((2 * i) + 1))

  (* No call reaches past the array. *)
  let within frames count call =
    if count < 0 || count > Array1.dim frames / 2 then e_range
    else call frames

  let at frames i call = if i < 0 then e_range else within frames (i + 1) call

  let alloc pool frames count =
    within frames count (fun frames ->
        buf_alloc (Pool.handle pool) frames 0 count)

  let free pool frames count =
    within frames count (fun frames ->
        buf_free (Pool.handle pool) frames 0 count)

  let rx_batch device ~queue frames count =
    within frames count (fun frames ->
        rx (Device.handle device) queue frames 0 count)

  let tx_batch device ~queue frames count =
    within frames count (fun frames ->
        tx (Device.handle device) queue frames 0 count)

  let read pool frames i ~pos bytes =
    at frames i (fun frames ->
        buf_read (Pool.handle pool) frames i pos bytes)

  let write pool frames i ~pos bytes =
    at frames i (fun frames ->
        buf_write (Pool.handle pool) frames i pos bytes)

  let error = error_of_code
end
