//! A run with a stand-in for NVIDIA's library: GPU figures from the driver to every file.

use crate::harness::{Site, alone, json};

#[path = "../support/nvml/mod.rs"]
mod stand_in;

#[test]
fn gpu_figures_of_devices_and_containers_are_in_every_file_of_a_run() {
    let _alone = alone();
    let site = Site::new();
    let file = site.path().join("processes");
    let library = site.path().join("libnvidia-ml.so.1");
    std::fs::write(&library, stand_in::with(&["pids"], &file)).expect("a library");
    // The service tells the stand-in that it holds 300 MB.
    let config = format!(
        "project = \"gpu\"\n[stack]\nkind = \"process\"\n[[stack.service]]\nname = \"model\"\n\
         command = [\"sh\", \"-c\", \"echo $$ 300 > {file}; exec sleep 1000\"]\n\
         [sources]\nnvml_library = \"{library}\"\nsys_root = \"{root}\"\n\
         [baseline]\nwarmup = \"2s\"\nlength = \"6s\"\ninterval = \"1s\"\n",
        file = file.display(),
        library = library.display(),
        root = site.path().display(),
    );
    site.write("runner.toml", &config);
    let ran = site.run(&["run", "-s", "baseline"]).expect_code(0);
    assert!(
        ran.err.contains("gpu0 NVIDIA A100-SXM4-40GB, 40.0 GiB, driver 550.54.15"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("10240 of 40960 MB"), "{}", ran.err);
    let run = site.runs().pop().expect("a run folder");
    let about = json(&run.join("run.json"));
    assert_eq!(about["devices"][1]["uuid"], "GPU-0000-2");
    assert_eq!(about["sources"]["gpu_percent"], "nvml");
    let results = json(&run.join("results.json"));
    let sample = &results["scenarios"][0]["samples"][2];
    assert_eq!(sample["devices"]["gpu0"]["gpu_percent"], 73, "{sample}");
    assert_eq!(sample["devices"]["gpu0"]["gpu_memory_percent"], 25, "{sample}");
    assert_eq!(sample["devices"]["gpu0"]["gpu_stack_memory_bytes"], 300 << 20, "{sample}");
    assert_eq!(sample["containers"]["model"]["gpu_memory_bytes"], 300 << 20, "{sample}");
    let summary = json(&run.join("summary.json"));
    let gpus = summary["gpus"].as_array().expect("GPUs");
    let names: Vec<&str> = gpus.iter().filter_map(|gpu| gpu["name"].as_str()).collect();
    assert_eq!(names, ["gpu0", "gpu1", "model"]);
    assert_eq!(gpus[2]["peak_memory_mb"], 300.0);
    assert!(run.join("charts/overview/gpu_timeline.html").exists());
    let report = std::fs::read_to_string(run.join("report.html")).expect("a report");
    assert!(report.contains("<h2>GPUs</h2>"));
    // What was measured stays, analysed again from the journal alone.
    std::fs::remove_file(run.join("results.json")).expect("it was there");
    let path = run.display().to_string();
    site.run(&["analyze", &path, "--no-charts"]).expect_code(0);
    assert_eq!(json(&run.join("summary.json"))["gpus"], summary["gpus"]);
    let checked = site.run(&["check"]);
    assert!(checked.err.contains("gpu1 NVIDIA A100"), "{}", checked.err);
}
