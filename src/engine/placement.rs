//! Where ONNX Runtime placed the nodes of a session.
#![allow(unsafe_code)]

use super::failures::failed;
use crate::error::Result;
use crate::runtime::provider::Placement;
use ort::AsPointer;
use std::ffi::{CStr, c_char};

/// Nodes by provider, from ONNX Runtime itself.
pub fn read(session: &ort::session::Session) -> Result<Vec<Placement>> {
    let api = ort::api();
    let ask = failed("report node placement");
    let mut subgraphs = std::ptr::null();
    let mut count = 0usize;
    // SAFETY: the session is alive for the whole function; ORT fills pointer and count of an array that it owns
    // and keeps for the session's life (Session_GetEpGraphAssignmentInfo, API 24).
    unsafe {
        ort::Error::result_from_status((api.Session_GetEpGraphAssignmentInfo)(
            session.ptr(),
            &mut subgraphs,
            &mut count,
        ))
    }
    .map_err(&ask)?;
    let mut placement: Vec<Placement> = Vec::new();
    for i in 0..count {
        let mut name: *const c_char = std::ptr::null();
        let mut nodes = std::ptr::null();
        let mut n_nodes = 0usize;
        // SAFETY: i < count, so the element is a valid subgraph of the array above; name and nodes are owned by it.
        unsafe {
            let subgraph = *subgraphs.add(i);
            ort::Error::result_from_status((api.EpAssignedSubgraph_GetEpName)(subgraph, &mut name))
                .map_err(&ask)?;
            ort::Error::result_from_status((api.EpAssignedSubgraph_GetNodes)(
                subgraph,
                &mut nodes,
                &mut n_nodes,
            ))
            .map_err(&ask)?;
        }
        let name = if name.is_null() {
            "?".into()
        } else {
            // SAFETY: a NUL-terminated name owned by the subgraph.
            unsafe { CStr::from_ptr(name) }.to_string_lossy()
        };
        match placement.iter_mut().find(|p| p.provider == name) {
            Some(p) => p.nodes += n_nodes,
            None => placement.push(Placement {
                provider: name.into_owned(),
                nodes: n_nodes,
            }),
        }
    }
    Ok(placement)
}
