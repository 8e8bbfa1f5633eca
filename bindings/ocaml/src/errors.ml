(* Error codes as OCaml values, and exceptions made of them. *)

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
