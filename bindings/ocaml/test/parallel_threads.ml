(* What runs beside each other: threads that take turns. *)

let present = false

let run works =
  List.iter Thread.join (List.map (fun f -> Thread.create f ()) works)
