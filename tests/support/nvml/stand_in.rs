//! A stand-in for NVIDIA's management library, built by tests as a shared object: the C interface
//! with made-up devices. Tests write how it behaves into [`MARK`] of their copy of the object:
//! words, and behind them the path of a file by which test and library talk.
//!
//! - (no word): two GPUs that give every figure, with processes
//! - `modest`: the second GPU does not support most figures
//! - `mig`: the first GPU is parted into two instances
//! - `no_driver`, `no_gpu`: it starts without a driver, or knows no device
//! - `lost`: the second GPU has fallen off the bus
//! - `hangs`: utilisation is not answered while the file is there
//! - `counts`: every call appends a line to the file
//! - `pids`: the first GPU's processes are the lines `PID MB` of the file
//!
//! With `--cfg old` symbols are missing, the one for shutting down among them.
#![allow(non_snake_case, unexpected_cfgs)]

use std::ffi::{c_char, c_int, c_uint, c_ulonglong, c_void};

const SUCCESS: c_int = 0;
const NOT_SUPPORTED: c_int = 3;
const NOT_FOUND: c_int = 6;
const TOO_SMALL: c_int = 7;
const DRIVER_NOT_LOADED: c_int = 9;
const LOST: c_int = 15;

const MIB: c_ulonglong = 1 << 20;

/// `STAND-IN:` and, up to the first `#`, words and the file, all with a blank between them.
#[no_mangle]
pub static MARK: [u8; 1024] = {
    let mut mark = [b'#'; 1024];
    let name = b"STAND-IN:";
    let mut at = 0;
    while at < name.len() {
        mark[at] = name[at];
        at += 1;
    }
    mark
};

fn told() -> Vec<String> {
    // Read as it is in the file, not as the compiler knew it.
    let mark = unsafe { std::ptr::read_volatile(&MARK) };
    let text: Vec<u8> = mark[9..].iter().copied().take_while(|b| *b != b'#').collect();
    String::from_utf8_lossy(&text).split(' ').map(str::to_string).collect()
}

fn is(word: &str) -> bool {
    told().iter().any(|told| told == word)
}

fn file() -> String {
    told().pop().unwrap_or_default()
}

type Device = *mut c_void;

#[repr(C)]
pub struct Utilization {
    gpu: c_uint,
    memory: c_uint,
}

#[repr(C)]
pub struct Memory {
    version: c_uint,
    total: c_ulonglong,
    reserved: c_ulonglong,
    free: c_ulonglong,
    used: c_ulonglong,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Process {
    pid: c_uint,
    used: c_ulonglong,
    gpu_instance: c_uint,
    compute_instance: c_uint,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Sample {
    pid: c_uint,
    time: c_ulonglong,
    sm: c_uint,
    memory: c_uint,
    encoder: c_uint,
    decoder: c_uint,
}

/// 1 and 2 are GPUs, 101 and 102 instances of the first.
fn number(device: Device) -> usize {
    device as usize
}

fn called(what: &str) {
    if is("counts") {
        use std::io::Write;
        let log = std::fs::OpenOptions::new().append(true).create(true).open(file());
        let _ = writeln!(log.unwrap(), "{what}");
    }
}

/// How a call about a figure ends, before it is looked up.
fn state(device: Device, what: &str) -> c_int {
    called(what);
    if is("hangs") && what == "utilisation" {
        while std::path::Path::new(&file()).exists() {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }
    match number(device) {
        2 if is("lost") => LOST,
        2 if is("modest") && what != "memory" && what != "temperature" => NOT_SUPPORTED,
        1 | 101 | 102 if is("mig") && what == "utilisation" => NOT_SUPPORTED,
        101 | 102 if what == "power" || what == "temperature" => NOT_SUPPORTED,
        _ => SUCCESS,
    }
}

unsafe fn text(to: *mut c_char, length: c_uint, text: &str) -> c_int {
    assert!(text.len() < length as usize);
    std::ptr::copy_nonoverlapping(text.as_ptr(), to.cast(), text.len());
    *to.add(text.len()) = 0;
    SUCCESS
}

/// Answers a list as NVML does: the number alone where there is no room.
unsafe fn list<T: Copy>(all: &[T], count: *mut c_uint, to: *mut T) -> c_int {
    let room = *count as usize;
    *count = all.len() as c_uint;
    if all.is_empty() {
        return SUCCESS;
    }
    if to.is_null() || room < all.len() {
        return TOO_SMALL;
    }
    std::ptr::copy_nonoverlapping(all.as_ptr(), to, all.len());
    SUCCESS
}

fn process(pid: c_uint, mib: c_ulonglong) -> Process {
    Process { pid, used: mib * MIB, gpu_instance: !0, compute_instance: !0 }
}

fn compute(device: Device) -> Vec<Process> {
    if is("pids") {
        let text = std::fs::read_to_string(file()).unwrap_or_default();
        let line = |line: &str| {
            let (pid, mib) = line.split_once(' ')?;
            Some(process(pid.parse().ok()?, mib.trim().parse().ok()?))
        };
        let all = text.lines().filter_map(line);
        return if number(device) == 1 { all.collect() } else { Vec::new() };
    }
    match number(device) {
        1 => vec![process(1001, 500), process(1002, 250), process(3001, 64)],
        2 => vec![process(1001, 100)],
        101 => vec![process(1001, 300)],
        102 => vec![process(1002, 200)],
        _ => Vec::new(),
    }
}

#[no_mangle]
pub extern "C" fn nvmlInit_v2() -> c_int {
    called("init");
    if is("no_driver") { DRIVER_NOT_LOADED } else { SUCCESS }
}

#[cfg(not(old))]
#[no_mangle]
pub extern "C" fn nvmlShutdown() -> c_int {
    called("shutdown");
    SUCCESS
}

#[cfg(not(old))]
#[no_mangle]
pub unsafe extern "C" fn nvmlSystemGetDriverVersion(to: *mut c_char, length: c_uint) -> c_int {
    text(to, length, "550.54.15")
}

#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetCount_v2(count: *mut c_uint) -> c_int {
    *count = if is("no_gpu") { 0 } else { 2 };
    SUCCESS
}

#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetHandleByIndex_v2(index: c_uint, to: *mut Device) -> c_int {
    *to = (index as usize + 1) as Device;
    SUCCESS
}

#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetName(device: Device, to: *mut c_char, n: c_uint) -> c_int {
    match number(device) {
        101 | 102 => text(to, n, "NVIDIA A100-SXM4-40GB MIG 1g.5gb"),
        _ => text(to, n, "NVIDIA A100-SXM4-40GB"),
    }
}

#[cfg(not(old))]
#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetUUID(device: Device, to: *mut c_char, n: c_uint) -> c_int {
    let kind = if number(device) > 100 { "MIG" } else { "GPU" };
    text(to, n, &format!("{kind}-0000-{}", number(device)))
}

#[cfg(not(old))]
#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetMemoryInfo_v2(device: Device, to: *mut Memory) -> c_int {
    let (total, used) = match number(device) {
        101 | 102 => (4864, 400),
        _ => (40960, 10240),
    };
    (*to).total = total * MIB;
    (*to).used = used * MIB;
    (*to).free = (total - used) * MIB;
    (*to).reserved = 0;
    state(device, "memory")
}

#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetUtilizationRates(
    device: Device,
    to: *mut Utilization,
) -> c_int {
    *to = Utilization { gpu: 73, memory: 21 };
    state(device, "utilisation")
}

#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetPowerUsage(device: Device, to: *mut c_uint) -> c_int {
    *to = 251_500;
    state(device, "power")
}

#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetTemperature(
    device: Device,
    _sensor: c_uint,
    to: *mut c_uint,
) -> c_int {
    *to = 61;
    state(device, "temperature")
}

#[cfg(not(old))]
#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetCurrentClocksThrottleReasons(
    device: Device,
    to: *mut c_ulonglong,
) -> c_int {
    // The power cap, and thermal slowdown by software.
    *to = 0x4 | 0x20;
    state(device, "throttling")
}

#[cfg(not(old))]
#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetComputeRunningProcesses_v3(
    device: Device,
    count: *mut c_uint,
    to: *mut Process,
) -> c_int {
    match state(device, "compute") {
        SUCCESS => list(&compute(device), count, to),
        other => other,
    }
}

#[cfg(not(old))]
#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetGraphicsRunningProcesses_v3(
    device: Device,
    count: *mut c_uint,
    to: *mut Process,
) -> c_int {
    match state(device, "graphics") {
        // It computes, too.
        SUCCESS if number(device) == 1 && !is("pids") => list(&[process(1001, 500)], count, to),
        SUCCESS => list(&[], count, to),
        other => other,
    }
}

#[cfg(not(old))]
#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetProcessUtilization(
    device: Device,
    to: *mut Sample,
    count: *mut c_uint,
    since: c_ulonglong,
) -> c_int {
    let sample = |pid, time, sm| Sample { pid, time, sm, memory: 0, encoder: 0, decoder: 0 };
    match state(device, "samples") {
        // Two samples each time, of the time since.
        SUCCESS if number(device) == 1 => {
            let now = since / 1000 * 1000;
            list(&[sample(1001, now + 1000, 40), sample(1001, now + 2000, 60)], count, to)
        }
        SUCCESS => NOT_FOUND,
        other => other,
    }
}

#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetMigMode(
    device: Device,
    current: *mut c_uint,
    pending: *mut c_uint,
) -> c_int {
    *current = c_uint::from(number(device) == 1);
    *pending = *current;
    if is("mig") { SUCCESS } else { NOT_SUPPORTED }
}

#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetMaxMigDeviceCount(_: Device, count: *mut c_uint) -> c_int {
    *count = 7;
    SUCCESS
}

#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetMigDeviceHandleByIndex(
    _: Device,
    index: c_uint,
    to: *mut Device,
) -> c_int {
    *to = (index as usize + 101) as Device;
    if index < 2 { SUCCESS } else { NOT_FOUND }
}
