//! The feature specification: as people write it, and fitted, as a bundle stores it.

mod check;
mod feature;
mod fit;
mod fitted;
mod input;

pub(crate) use check::check_input;
pub use feature::{FeatureAsWritten, FeatureSpec, From, LookupSource, OpName, Strategy};
pub use fit::Blocks;
pub use fitted::{
    Closed, DatePart, Encode, FittedFeature, FittedOp, FittedSpec, LookupColumn, LookupTable, Norm,
    UnknownFields,
};
pub use input::{Input, InputType, Outside, Range, Role, Token, Zone};
