//! What stands in the place of the kernels' operator on processors that they are not written for.

use super::interrupt::Interrupt;
use crate::bundle::{Bundle, Model, Precision};
use crate::error::{Error, Result};
use ort::operator::OperatorDomain;

pub fn supported(_: Precision) -> bool {
    false
}

pub(super) fn load(_: &Bundle, _: &Model, _: usize, _: &Interrupt) -> Result<OperatorDomain> {
    let why = "this processor has no AVX-512 instructions".to_owned();
    Err(Error::ProviderUnavailable(why))
}
