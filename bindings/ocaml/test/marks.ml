(* Marks of the safety table (docs/safety.md). *)

let batch = "Batch"
let raw = "raw Bigarray"

(* Alcotest keeps what tests print to itself: marks are printed when it is
   done. A check that fails ends its test before the mark. *)
let marks = ref []

let mark row column word detail =
  marks := (row, column, word, detail) :: !marks

let () =
  at_exit (fun () ->
      print_newline ();
      List.iter
        (fun (row, column, word, detail) ->
          Printf.printf "safety: OCaml/%s | %s | %s | %s\n" row column word
            detail)
        (List.rev !marks))

let column column word ~batch:b ~raw:r =
  mark batch column word b;
  mark raw column word r
