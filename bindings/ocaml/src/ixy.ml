include Errors

let version = Calls.version
let abi_version = Calls.abi_version
let batch_max = Calls.batch_max

module Pool = Pool
module Metadata = Metadata
module Batch = Batch
module Device = Device
module Emu = Emu
module Raw = Raw
