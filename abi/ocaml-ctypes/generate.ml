(* Writes what ocaml-ctypes makes of the description of libixy's ABI: C stubs
   that are compiled against ixy.h, and the OCaml module that calls them.

   generate c | ml *)

let prefix = "ixy_ctypes"

(* What the C compiler is to confirm: layouts as ocaml-ctypes computed them. *)
let write_asserts out =
  let assert_equal what value =
    Format.fprintf out
      "_Static_assert(%s == %d, \"ixy.h and the description differ\");@." what
      value
  in
  List.iter
    (fun (name, size) ->
      assert_equal (Printf.sprintf "sizeof(struct %s)" name) size)
    Ixy_types.sizes;
  List.iter
    (fun (name, member, offset, size) ->
      assert_equal (Printf.sprintf "offsetof(struct %s, %s)" name member) offset;
      assert_equal
        (Printf.sprintf "sizeof(((struct %s *)0)->%s)" name member)
        size)
    Ixy_types.members

let () =
  let out = Format.std_formatter in
  match Sys.argv with
  | [| _; "c" |] ->
      Format.fprintf out "#include <stddef.h>@.#include <ixy.h>@.";
      write_asserts out;
      Cstubs.write_c out ~prefix (module Ixy_functions.Make)
  | [| _; "ml" |] -> Cstubs.write_ml out ~prefix (module Ixy_functions.Make)
  | _ ->
      prerr_endline "generate c | ml";
      exit 2
