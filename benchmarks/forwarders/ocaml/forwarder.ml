(* The benchmark's workload in OCaml, over the binding's default checked packet
   type. *)

open Ixy
open Workload

let port device =
  {
    meter =
      (fun () ->
        let m = get_ok (Emu.meter device) in
        {
          bracket_cycles = m.Emu.bracket_cycles;
          cycles = m.cycles;
          nanoseconds = m.nanoseconds;
          model_cycles = m.model_cycles;
          steps = m.steps;
          idle_steps = m.idle_steps;
        });
    counters =
      (fun () ->
        let c = get_ok (Emu.counters device) in
        {
          generated = c.Emu.generated;
          verified = c.verified;
          damaged = c.damaged;
          repeated = c.repeated;
          foreign = c.foreign;
          violations = c.violations;
          rx_missed = (get_ok (Device.stats device)).Device.rx_missed;
        });
  }

(* One way: returns the frames received. *)
let forward run batch from into =
  let received = Device.rx_batch_exn from ~queue:0 batch in
  run.polls <- run.polls + 1;
  if received = 0 then run.empty_polls <- run.empty_polls + 1
  else (
    for i = 0 to received - 1 do
      Batch.add_uint8 batch i touched_byte 1
    done;
    let sent = Device.tx_batch_exn into ~queue:0 batch in
    if sent < received then run.freed <- run.freed + Batch.free_exn batch;
    run.received <- run.received + received);
  received

let[@inline never] forward_all run batch a b =
  forward_until_all run (fun () ->
      let there = forward run batch a b in
      there + forward run batch b a)

let with_pool f =
  let pool = get_ok (Pool.open_ ~buffers:pool_buffers ()) in
  Fun.protect
    ~finally:(fun () -> ignore (Pool.close pool : (unit, error) result))
    (fun () -> f pool)

let with_device pool address f =
  let device = get_ok (Device.open_ ~pool address) in
  Fun.protect
    ~finally:(fun () -> ignore (Device.close device : (unit, error) result))
    (fun () -> f device)

let measure ~batch ~frames address =
  with_pool (fun pool ->
      with_device pool address (fun a ->
          with_device pool address (fun b ->
              get_ok (Device.start a);
              get_ok (Device.start b);
              let run = run frames (port a) (port b) in
              let batch = Batch.create pool batch in
              figures run (fun () -> forward_all run batch a b))))

(* A batch that is full has room for no frame. *)
let call count =
  with_pool (fun pool ->
      with_device pool calls_address (fun device ->
          get_ok (Device.start device);
          let full = Batch.create pool 1 in
          ignore (get_ok (Batch.alloc full 1) : int);
          call_figures (port device) count (fun () ->
              for _ = 1 to count do
                ignore (Device.rx_batch_exn device ~queue:0 full : int)
              done)))

let () =
  serve
    {
      variant = "safe";
      forward = measure;
      call;
      explain =
        (function Error e -> Some (error_to_string e) | _ -> None);
    }
