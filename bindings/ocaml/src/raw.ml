open Calls
open Bigarray

type nonrec frames = frames

let frames count =
  if count < 0 || count > buffers_max then
    invalid_arg
      (Printf.sprintf "Ixy.Raw.frames: %d frames; right are 0 to %d" count
         buffers_max);
  let frames = Array1.create Int C_layout (2 * count) in
  Array1.fill frames 0;
  frames

(* The bounds check of a Bigarray, for an index that must not overflow. *)
let check frames i =
  if i < 0 || i >= Array1.dim frames / 2 then
    invalid_arg "Ixy.Raw: index out of bounds"

let set frames i ~handle ~offset ~len =
  check frames i;
  let number name x max =
    if x < 0 || x > max then
      invalid_arg
        (Printf.sprintf "Ixy.Raw.set: %s is %d; right are 0 to %d" name x max)
  in
  number "offset" offset 0xffff_ffff;
  number "len" len 0xffff;
  Array1.set frames (2 * i) handle;
  Array1.set frames ((2 * i) + 1) (offset lor (len lsl 32))

let handle frames i =
  check frames i;
  Array1.get frames (2 * i)

let place frames i =
  check frames i;
  Array1.get frames ((2 * i) + 1)

let offset frames i = Batch.offset_of (place frames i)
let len frames i = Batch.len_of (place frames i)

(* The stubs look that no call reaches past the array. *)
let alloc pool frames count = buf_alloc (Pool.handle pool) frames 0 count
let free pool frames count = buf_free (Pool.handle pool) frames 0 count

let rx_batch device ~queue frames count =
  rx (Device.handle device) queue frames 0 count

let tx_batch device ~queue frames count =
  tx (Device.handle device) queue frames 0 count

let read pool frames i ~pos bytes =
  buf_read (Pool.handle pool) frames i pos bytes

let write pool frames i ~pos bytes =
  buf_write (Pool.handle pool) frames i pos bytes

let error = Errors.error_of_code
