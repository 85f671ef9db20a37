//! Every test that needs nothing but the library, its program and the release build: one program, one module a topic.
//!
//! Tests run side by side in one process. One that needs a process for itself starts this program again for its own name:
//! see `own_process.rs`. Two test programs stand beside this one: `architecture`, which reads the sources and is
//! quick to build, and `memory`, whose allocator counts.

#[path = "../support/mod.rs"]
mod support;

mod attributes;
mod audit;
mod audit_faults;
mod batch;
mod batch_command;
mod bundle;
mod bundle_tables;
mod cache;
mod cli;
mod cli_bench;
mod cli_study;
mod clinical_facts;
mod ct_series;
mod dicom_results;
mod documents;
mod engine;
mod explanation;
mod golden;
mod header;
mod hosts;
mod inputs;
mod install;
mod json_layout;
mod kernels;
mod layout;
mod limits;
mod linking;
mod log_lines;
mod multiframe;
mod own_process;
mod page;
mod planes;
mod plugins;
mod prepare;
mod quality;
mod queue;
mod reference_regions;
mod result_write;
mod rois;
mod runtime_loading;
mod sanitizers;
mod series;
mod series_values;
mod signature;
mod small_case;
mod streams;
mod suv_edits;
mod suv_table;
mod texture;
mod threads;
mod trusted_runtime;
mod unreadable;
mod volume_files;
mod written_files;
