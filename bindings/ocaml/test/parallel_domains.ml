(* What runs beside each other: domains, at the same time. *)

let present = true
let run works = List.iter Domain.join (List.map Domain.spawn works)
