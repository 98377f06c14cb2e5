//! The columns of a head while it is read, and the specification that they become.

use skewless_core::error::Result;
use skewless_core::spec::{
    Encode, FittedFeature, FittedOp, FittedSpec, Input, InputType, LookupColumn, LookupTable, Role,
    UnknownFields,
};

use super::super::invalid;

/// Columns in their order.
pub(in super::super) type Columns = Vec<Column>;

/// What a value of the graph holds a row.
#[derive(Clone)]
pub(in super::super) struct Matrix {
    pub(in super::super) kind: Kind,
    pub(in super::super) columns: Columns,
    /// The values were f32 at some point.
    pub(in super::super) narrow: bool,
    /// The graph cuts the values to whole numbers here; only an encoder can take that into account.
    pub(in super::super) cut: bool,
}

/// The type of a matrix's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Kind {
    Single,
    Double,
    Whole,
    Truth,
    Text,
}

/// One column.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Column {
    /// The input or feature that it comes from.
    pub(in super::super) source: String,
    /// Its place in a one-hot feature.
    pub(in super::super) part: Option<usize>,
}

/// The specification as far as it is known.
pub(in super::super) struct Recipe {
    inputs: Vec<Input>,
    lookups: Vec<LookupTable>,
    features: Vec<FittedFeature>,
    accepts_missing: bool,
}

impl Matrix {
    pub(in super::super) fn of(kind: Kind, columns: Columns) -> Self {
        Self {
            kind,
            columns,
            narrow: kind == Kind::Single,
            cut: false,
        }
    }

    pub(in super::super) fn is_number(&self) -> bool {
        self.kind != Kind::Text && !self.cut
    }
}

impl Column {
    fn whole(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            part: None,
        }
    }
}

impl Recipe {
    pub(in super::super) fn new(accepts_missing: bool) -> Self {
        Self {
            inputs: Vec::new(),
            lookups: Vec::new(),
            features: Vec::new(),
            accepts_missing,
        }
    }

    /// A field of the raw record. A float may be missing where the model takes that.
    pub(in super::super) fn input(&mut self, name: &str, kind: Kind) -> Result<Column> {
        if self.inputs.iter().any(|input| input.name == name) {
            return Err(invalid(format!("two inputs are called `{name}`")));
        }
        let is_float = matches!(kind, Kind::Single | Kind::Double);
        self.inputs.push(Input {
            name: name.to_owned(),
            kind: match kind {
                Kind::Single | Kind::Double => InputType::Number,
                Kind::Whole => InputType::Integer,
                Kind::Truth => InputType::Boolean,
                Kind::Text => InputType::Category,
            },
            nullable: is_float && self.accepts_missing,
            unit: None,
            doc: None,
            owner: None,
            required: None,
            missing: Vec::new(),
            range: None,
            role: Role::Feature,
            known_at_prediction: true,
            pii: false,
            max_age: None,
            zone: None,
            max_length: None,
            shape: None,
        });
        Ok(Column::whole(name))
    }

    /// The values of an imputed column may be missing.
    pub(in super::super) fn allow_missing(&mut self, source: &str) {
        if let Some(input) = self.inputs.iter_mut().find(|input| input.name == source) {
            input.nullable = true;
        }
    }

    /// A feature made from a column; `step` names it after its source.
    pub(in super::super) fn make(&mut self, from: &Column, step: &str, op: FittedOp) -> Column {
        self.make_from(vec![from.source.clone()], &from.source, step, op)
    }

    /// A feature made from several sources; `step` names it after `stem`.
    pub(in super::super) fn make_from(
        &mut self,
        from: Vec<String>,
        stem: &str,
        step: &str,
        op: FittedOp,
    ) -> Column {
        let same = |feature: &&FittedFeature| feature.from == from && feature.op == op;
        if let Some(feature) = self.features.iter().find(same) {
            return Column::whole(&feature.name);
        }
        let name = self.free_name(&format!("{stem}.{step}"));
        self.features.push(FittedFeature {
            name: name.clone(),
            from,
            op,
            hidden: true,
            doc: None,
            owner: None,
        });
        Column::whole(&name)
    }

    /// A column of numbers for texts.
    pub(in super::super) fn look_up(
        &mut self,
        from: &Column,
        mut entries: Vec<(String, f64)>,
        default: f64,
    ) -> Column {
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        let (keys, values) = entries
            .into_iter()
            .map(|(key, value)| (key, Some(value)))
            .unzip();
        let table = LookupTable {
            name: format!("{}.codes{}", from.source, self.lookups.len()),
            keys,
            columns: vec![LookupColumn {
                name: "code".to_owned(),
                values,
            }],
        };
        let op = FittedOp::Lookup {
            table: table.name.clone(),
            column: "code".to_owned(),
            default: Some(default),
        };
        self.lookups.push(table);
        self.make(from, "code", op)
    }

    /// The column itself where it is a number; a category's column of a one-hot feature as a number of its own.
    pub(in super::super) fn as_number(&mut self, column: &Column) -> Option<Column> {
        let Some(part) = column.part else {
            return Some(column.clone());
        };
        let feature = self
            .features
            .iter()
            .find(|feature| feature.name == column.source)?;
        let (FittedOp::OneHot { vocabulary, .. }, [from]) = (&feature.op, &feature.from[..]) else {
            return None;
        };
        let (from, category) = (Column::whole(from), vocabulary.get(part)?.clone());
        Some(self.look_up(&from, vec![(category, 1.0)], 0.0))
    }

    /// The specification, for each of `columns` its column in it, and how many it gives.
    pub(in super::super) fn finish(
        mut self,
        columns: &[Column],
    ) -> Result<(FittedSpec, Vec<usize>, usize)> {
        let visible: Vec<String> = columns
            .iter()
            .map(|column| self.feature_of(column))
            .collect();
        for feature in &mut self.features {
            feature.hidden = !visible.contains(&feature.name);
        }
        let mut width = 0;
        let mut starts = std::collections::BTreeMap::new();
        for feature in self.features.iter().filter(|feature| !feature.hidden) {
            starts.insert(feature.name.as_str(), width);
            width += columns_of(&feature.op);
        }
        let places = columns.iter().zip(&visible).map(|(column, name)| {
            let start = starts.get(name.as_str()).copied();
            start.map(|start| start + column.part.unwrap_or_default())
        });
        let places: Option<Vec<usize>> = places.collect();
        let places = places.ok_or_else(|| invalid("a column of the model has no source"))?;
        let used = |input: &Input| {
            self.features
                .iter()
                .any(|feature| feature.from.contains(&input.name))
        };
        let spec = FittedSpec {
            unknown_fields: UnknownFields::default(),
            inputs: self
                .inputs
                .iter()
                .filter(|input| used(input))
                .cloned()
                .collect(),
            lookups: self.lookups,
            features: self.features,
        };
        Ok((spec, places, width))
    }

    /// Whether the columns are all fields of the record, as they are and in their order: the graph has no head.
    pub(in super::super) fn is_plain(&self, columns: &[Column]) -> bool {
        let fields = self.inputs.iter().map(|input| (&input.name, None));
        fields.eq(columns.iter().map(|column| (&column.source, column.part)))
    }

    /// The name of the feature that shows a column to the model.
    fn feature_of(&mut self, column: &Column) -> String {
        let input = self.inputs.iter().find(|input| input.name == column.source);
        match input.map(|input| input.nullable) {
            None => column.source.clone(),
            Some(true) => {
                self.make(column, "value", FittedOp::PassthroughMissing)
                    .source
            }
            Some(false) => self.make(column, "value", FittedOp::Number).source,
        }
    }

    fn free_name(&self, wanted: &str) -> String {
        let taken = |name: &str| {
            self.inputs.iter().any(|input| input.name == name)
                || self.features.iter().any(|feature| feature.name == name)
        };
        let mut name = wanted.to_owned();
        let mut number = 1;
        while taken(&name) {
            number += 1;
            name = format!("{wanted}{number}");
        }
        name
    }
}

fn columns_of(op: &FittedOp) -> usize {
    match op {
        FittedOp::OneHot { vocabulary, .. } => vocabulary.len(),
        FittedOp::Bucketize {
            edges,
            encode: Encode::OneHot,
            ..
        } => edges.len() + 1,
        _ => 1,
    }
}
