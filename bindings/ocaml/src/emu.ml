open Errors

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

external counters_stub : int -> (counters, error) result
  = "ixy_ocaml_emu_counters"

external meter_stub : int -> (meter, error) result
  = "ixy_ocaml_emu_meter"

external violations_stub : int -> (string list, error) result
  = "ixy_ocaml_emu_violations"

let counters device = counters_stub (Device.handle device)
let meter device = meter_stub (Device.handle device)
let violations device = violations_stub (Device.handle device)
