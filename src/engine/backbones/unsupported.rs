//! What stands in the place of the kernels' operator on processors that they are not written for.

use super::interrupt::Interrupt;
use crate::bundle::{Bundle, Model, Precision};
use crate::error::{Error, Result};
use ort::operator::OperatorDomain;
use std::io::Read;

pub(super) struct Taken {
    pub model: Vec<u8>,
    pub operators: OperatorDomain,
}

pub fn supported(_: Precision) -> bool {
    false
}

pub(super) fn take(_: &Bundle, _: &Model, _: usize, _: &Interrupt) -> Result<Taken> {
    let why = "this processor has no AVX-512 instructions".to_owned();
    Err(Error::ProviderUnavailable(why))
}

pub(super) fn take_apart(_: &mut dyn Read, _: u64) -> Result<(), String> {
    Err("the kernels are not part of this build".into())
}
