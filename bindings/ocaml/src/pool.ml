open Calls
open Errors

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

(* The handle comes first, so that pools cannot be compared or marshalled. *)
type t = { kept : Handle.t; opened : opened }

external open_stub : Handle.t -> int -> int -> (opened, error) result
  = "ixy_ocaml_pool_open"

external close_stub : Handle.t -> (unit, error) result
  = "ixy_ocaml_pool_close"

external free_count_stub : int -> (int, error) result
  = "ixy_ocaml_pool_free_count"

let open_ ?(buffers = 0) ?(buffer_size = 0) () =
  Handle.collecting (fun () ->
      let kept = Handle.pool () in
      Handle.opening kept (fun () ->
          match open_stub kept buffers buffer_size with
          | Error _ as e -> e
          | Ok opened -> Ok { kept; opened }))

let close pool = close_stub pool.kept
let free_count pool = free_count_stub pool.opened.handle
let buffer_count pool = pool.opened.buffer_count
let buffer_size pool = pool.opened.buffer_size
let headroom pool = pool.opened.headroom
let handle pool = pool.opened.handle
let unsafe_bigarray pool = pool.opened.memory
