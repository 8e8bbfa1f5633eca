open Bigarray
open Calls
open Errors

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
