(* ocaml-ctypes over libffi. *)

module Forwarder = Forward_ctypes.Make (Ixy_foreign)

let () = Forwarder.serve "ctypes-libffi"
