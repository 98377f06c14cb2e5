//! From a fitted specification to steps over slots: every name, type and parameter is proven here, once.

use super::names::ColumnNames;
use super::rules::{Rules, check_table};
use super::step::{Index, Step, StepOp};
use super::{Frame, InputSlot, Made, Pipeline, Slot};
use crate::columns::{Columns, index_to_code};
use crate::error::{Error, Result};
use crate::plan::{Group, Layout};
use crate::spec::{
    Encode, FittedFeature, FittedOp, FittedSpec, Input, InputType, LookupTable, UnknownFields, Zone,
};

/// Columns that a model may have; a few kilobytes of specification could ask for any number.
pub(crate) const MAX_COLUMNS: usize = 1 << 18;

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Number,
    /// Days since 1970-01-01.
    Days,
    /// Seconds since 1970-01-01T00:00 in a zone.
    Seconds(Zone),
    Text,
    /// A code below `width`, or NaN; becomes `width` columns.
    OneHot {
        width: usize,
    },
    /// Two or more numbers side by side.
    Several,
    /// The elements of a tensor input.
    Tensor {
        width: usize,
    },
}

/// Something a feature can be made from.
#[derive(Clone, Copy)]
pub(crate) struct Source {
    pub(crate) kind: Kind,
    pub(crate) slot: Slot,
    pub(crate) nullable: bool,
}

#[derive(Default)]
pub(crate) struct Compiler<'a> {
    inputs: Vec<InputSlot>,
    declared: Vec<Input>,
    unknown_fields: UnknownFields,
    lookups: &'a [LookupTable],
    sources: Vec<(String, Source)>,
    steps: Vec<Step>,
    number_slots: usize,
    text_slots: usize,
    tensor_slots: usize,
    emitted: Vec<Slot>,
    groups: Vec<Group>,
    columns: usize,
    names: Vec<ColumnNames>,
    made: Vec<Made>,
    may_be_missing: Option<String>,
}

impl Pipeline {
    /// Compiles a fitted specification.
    ///
    /// # Errors
    /// `spec.*` naming the feature or input and the rule it breaks.
    pub fn new(spec: &FittedSpec) -> Result<Self> {
        let mut compiler =
            Compiler::new(&spec.inputs, spec.unknown_fields, &spec.lookups, |name| {
                spec.uses(name)
            })?;
        for feature in &spec.features {
            compiler.add(feature)?;
        }
        compiler.finish()
    }
}

impl FittedSpec {
    fn uses(&self, name: &str) -> bool {
        self.features
            .iter()
            .any(|feature| feature.from.iter().any(|from| from == name))
    }
}

impl<'a> Compiler<'a> {
    /// Lays out the inputs; those that are not `used` need not be present.
    pub(crate) fn new(
        inputs: &[Input],
        unknown_fields: UnknownFields,
        lookups: &'a [LookupTable],
        used: impl Fn(&str) -> bool,
    ) -> Result<Self> {
        lookups.iter().try_for_each(check_table)?;
        let mut compiler = Self {
            unknown_fields,
            lookups,
            declared: inputs.to_vec(),
            ..Self::default()
        };
        for input in inputs {
            crate::spec::check_input(input)?;
            compiler.check_name(&input.name)?;
            if !used(&input.name) {
                continue;
            }
            if !input.known_at_prediction {
                return Err(Error::spec(
                    "spec.leak",
                    format!(
                        "`{}` feeds a feature and is not known at the time of prediction",
                        input.name
                    ),
                )
                .with_field(&input.name));
            }
            let zone = input.zone.as_deref().and_then(Zone::parse);
            let kind = match (input.kind, zone) {
                (InputType::Category | InputType::Text, _) => Kind::Text,
                (InputType::Date, _) => Kind::Days,
                (InputType::Timestamp, Some(zone)) => Kind::Seconds(zone),
                (InputType::Tensor, _) => Kind::Tensor {
                    width: input.elements(),
                },
                _ => Kind::Number,
            };
            let slot = match kind {
                Kind::Text => compiler.text_slot(),
                Kind::Tensor { .. } => compiler.tensor_slot(),
                _ => Slot::Number(compiler.number_slot()),
            };
            compiler.inputs.push(InputSlot {
                input: input.clone(),
                zone,
                slot,
            });
            compiler.sources.push((
                input.name.clone(),
                Source {
                    kind,
                    slot,
                    nullable: input.nullable,
                },
            ));
        }
        Ok(compiler)
    }

    /// The inputs' slots for all rows of `columns`; later slots are added as features come.
    pub(crate) fn frame<'f>(&self, columns: &'f Columns) -> Result<Frame<'f>> {
        super::checked_frame(&self.inputs, self.number_slots, columns, 0..columns.rows())
    }

    /// Runs the steps from number `first` on.
    pub(crate) fn run_from(&self, first: usize, frame: &mut Frame<'_>) {
        frame.grow(self.number_slots);
        self.steps
            .iter()
            .skip(first)
            .for_each(|step| step.run(frame));
    }

    /// The number of steps so far.
    pub(crate) fn steps(&self) -> usize {
        self.steps.len()
    }

    /// A source of `feature` by name.
    pub(crate) fn source(&self, feature: &str, name: &str) -> Result<Source> {
        let found = self
            .sources
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, source)| *source);
        found.ok_or_else(|| {
            Error::spec(
                "spec.unknown_source",
                format!("feature `{feature}` is made from `{name}`, which is neither an input nor an earlier feature"),
            )
            .with_field(feature)
        })
    }

    pub(crate) fn finish(self) -> Result<Pipeline> {
        if self.names.is_empty() {
            return Err(Error::spec(
                "spec.no_features",
                "the specification gives the model no feature",
            ));
        }
        Ok(Pipeline {
            inputs: self.inputs,
            declared: self.declared,
            unknown_fields: self.unknown_fields,
            steps: self.steps,
            number_slots: self.number_slots,
            emitted: self.emitted,
            layout: Layout::new(self.groups),
            names: self.names,
            made: self.made,
            may_be_missing: self.may_be_missing,
        })
    }

    /// Compiles one feature.
    pub(crate) fn add(&mut self, feature: &FittedFeature) -> Result<()> {
        self.check_name(&feature.name)?;
        let sources: Vec<Source> = feature
            .from
            .iter()
            .map(|name| self.source(&feature.name, name))
            .collect::<Result<_>>()?;
        let first = self.steps.len();
        let result = self.compile(feature, &sources)?;
        for step in self.steps.iter_mut().skip(first) {
            step.feature.clone_from(&feature.name);
        }
        let before = self.columns;
        if !feature.hidden {
            self.emit(feature, result)?;
        }
        self.made.push(Made {
            name: feature.name.clone(),
            from: feature.from.clone(),
            hidden: feature.hidden,
            columns: self.columns - before,
        });
        self.sources.push((feature.name.clone(), result));
        Ok(())
    }

    fn compile(&mut self, feature: &FittedFeature, sources: &[Source]) -> Result<Source> {
        let rules = Rules { feature, sources };
        match &feature.op {
            FittedOp::Number => {
                let source = match rules.only()? {
                    tensor @ Source {
                        kind: Kind::Tensor { .. },
                        ..
                    } => tensor,
                    _ => rules.one(Kind::Number)?,
                };
                match source.nullable {
                    true => rules
                        .fault("its source may be missing; use `impute` or `passthrough_missing`"),
                    false => Ok(source),
                }
            }
            FittedOp::PassthroughMissing => rules.one(Kind::Number),
            FittedOp::Impute { value, indicator } => {
                let source = rules.one(Kind::Number)?;
                let imputed = self.step(source, StepOp::Impute { value: *value }, false);
                if *indicator {
                    self.step(source, StepOp::MissingIndicator, false);
                }
                Ok(imputed)
            }
            FittedOp::ImputeCategory { value } => {
                let source = rules.one(Kind::Text)?;
                let slot = self.text_slot();
                let op = StepOp::ImputeText {
                    value: value.as_str().into(),
                };
                self.steps.push(Step {
                    feature: String::new(),
                    dst: 0,
                    src: vec![source.slot.index()],
                    op,
                });
                Ok(Source {
                    kind: Kind::Text,
                    slot,
                    nullable: false,
                })
            }
            FittedOp::Clip { min, max } => {
                let (min, max) = (
                    min.unwrap_or(f64::NEG_INFINITY),
                    max.unwrap_or(f64::INFINITY),
                );
                if min > max {
                    return rules.fault("`min` is above `max`");
                }
                let source = rules.one(Kind::Number)?;
                Ok(self.step(source, StepOp::Clip { min, max }, source.nullable))
            }
            FittedOp::Standardize { mean, std } => {
                let source = rules.one(Kind::Number)?;
                Ok(self.step(
                    source,
                    StepOp::Scale {
                        offset: *mean,
                        divisor: or_one(*std),
                    },
                    source.nullable,
                ))
            }
            FittedOp::MinMax { min, max } => {
                let source = rules.one(Kind::Number)?;
                Ok(self.step(
                    source,
                    StepOp::Scale {
                        offset: *min,
                        divisor: or_one(max - min),
                    },
                    source.nullable,
                ))
            }
            FittedOp::Log1p => {
                let source = rules.one(Kind::Number)?;
                let from = feature.from.first().cloned().unwrap_or_default();
                let op = StepOp::Log1p { source: from };
                Ok(self.step(source, op, source.nullable))
            }
            FittedOp::Bucketize {
                edges,
                closed,
                encode,
            } => {
                if edges.is_empty() || !edges.is_sorted_by(|a, b| a < b) {
                    return rules.fault("`edges` must rise");
                }
                let source = rules.one(Kind::Number)?;
                let op = StepOp::Bucketize {
                    edges: edges.clone(),
                    closed: *closed,
                };
                let bucket = self.step(source, op, source.nullable);
                Ok(encoded(bucket, *encode, edges.len() + 1))
            }
            FittedOp::OneHot {
                vocabulary,
                unknown_column,
                missing_column,
            } => {
                let source = rules.one(Kind::Text)?;
                let index = rules.index(vocabulary)?;
                let width =
                    vocabulary.len() + usize::from(*unknown_column) + usize::from(*missing_column);
                let unknown = if *unknown_column {
                    code(vocabulary.len())
                } else {
                    f64::NAN
                };
                let missing = if *missing_column {
                    code(width - 1)
                } else {
                    f64::NAN
                };
                let position = self.step(
                    source,
                    StepOp::Position {
                        index,
                        unknown,
                        missing,
                    },
                    false,
                );
                Ok(Source {
                    kind: Kind::OneHot { width },
                    ..position
                })
            }
            FittedOp::Ordinal { vocabulary } => {
                let source = rules.one(Kind::Text)?;
                let op = StepOp::Position {
                    index: rules.index(vocabulary)?,
                    unknown: code(vocabulary.len()),
                    missing: f64::NAN,
                };
                Ok(self.step(source, op, source.nullable))
            }
            FittedOp::Hash {
                buckets,
                seed,
                encode,
            } => {
                let source = rules.one(Kind::Text)?;
                let op = StepOp::Hash {
                    buckets: rules.positive(*buckets)?,
                    seed: *seed,
                };
                let bucket = self.step(source, op, source.nullable);
                Ok(encoded(bucket, *encode, *buckets as usize))
            }
            FittedOp::Cross {
                buckets,
                seed,
                encode,
            } => {
                let nullable = rules.several(2..=usize::MAX, Kind::Text)?;
                let op = StepOp::Cross {
                    buckets: rules.positive(*buckets)?,
                    seed: *seed,
                };
                let bucket = self.step_of(sources, op, nullable);
                Ok(encoded(bucket, *encode, *buckets as usize))
            }
            FittedOp::Difference => {
                let kind = sources.first().map_or(Kind::Number, |source| source.kind);
                if !matches!(kind, Kind::Number | Kind::Days | Kind::Seconds(_)) {
                    return rules.fault(
                        "a difference needs two numbers, two dates or two timestamps of one zone",
                    );
                }
                let nullable = rules.several(2..=2, kind)?;
                Ok(self.step_of(sources, StepOp::Difference, nullable))
            }
            FittedOp::Ratio => {
                rules.several(2..=2, Kind::Number)?;
                Ok(self.step_of(sources, StepOp::Ratio, true))
            }
            FittedOp::Product => {
                let nullable = rules.several(2..=usize::MAX, Kind::Number)?;
                Ok(self.step_of(sources, StepOp::Product, nullable))
            }
            FittedOp::Normalize { norm } => {
                let nullable = rules.several(2..=usize::MAX, Kind::Number)?;
                Ok(self.step_of(sources, StepOp::Normalize { norm: *norm }, nullable))
            }
            FittedOp::DatePart { part } => {
                let source = rules.only()?;
                let is_seconds =
                    match source.kind {
                        Kind::Seconds(_) => true,
                        Kind::Days if !part.needs_clock() => false,
                        _ => return rules.fault(
                            "its source must be a timestamp, or a date for parts of the calendar",
                        ),
                    };
                Ok(self.step(
                    source,
                    StepOp::DatePart {
                        part: *part,
                        is_seconds,
                    },
                    source.nullable,
                ))
            }
            FittedOp::Cyclic { period } => {
                if *period <= 0.0 {
                    return rules.fault("`period` must be above 0");
                }
                let source = rules.one(Kind::Number)?;
                let sine = self.step(
                    source,
                    StepOp::Cyclic {
                        period: *period,
                        cosine: false,
                    },
                    source.nullable,
                );
                self.step(
                    source,
                    StepOp::Cyclic {
                        period: *period,
                        cosine: true,
                    },
                    source.nullable,
                );
                Ok(Source {
                    kind: Kind::Several,
                    ..sine
                })
            }
            FittedOp::Lookup {
                table,
                column,
                default,
            } => {
                let source = rules.one(Kind::Text)?;
                let (index, values) = self.table(&rules, table, column)?;
                let nullable = source.nullable
                    || default.is_none()
                    || values.iter().any(|value| value.is_nan());
                let op = StepOp::Lookup {
                    index,
                    values,
                    default: default.unwrap_or(f64::NAN),
                };
                Ok(self.step(source, op, nullable))
            }
        }
    }

    fn emit(&mut self, feature: &FittedFeature, result: Source) -> Result<()> {
        let name = &feature.name;
        let names = match (&feature.op, result.kind, result.slot) {
            (_, Kind::Text, _) | (_, _, Slot::Text(_)) => {
                return fault(feature, "a category is not a number; hide it, or encode it");
            }
            (_, Kind::OneHot { width }, slot) => {
                self.place(slot, Group::OneHot { width });
                ColumnNames::of_one_hot(feature, width)
            }
            (_, Kind::Tensor { width }, slot) => {
                self.place(slot, Group::Numbers { width });
                ColumnNames::Elements(name.clone(), width)
            }
            (
                FittedOp::Impute {
                    indicator: true, ..
                },
                _,
                Slot::Number(slot),
            ) => self.pair(slot, [name.clone(), format!("{name}_missing")]),
            (FittedOp::Cyclic { .. }, _, Slot::Number(slot)) => {
                self.pair(slot, [format!("{name}_sin"), format!("{name}_cos")])
            }
            (_, _, slot) => {
                self.place(slot, Group::Number);
                ColumnNames::Listed(vec![name.clone()])
            }
        };
        self.names.push(names);
        if self.columns > MAX_COLUMNS {
            let rule = format!("the model would have more than {MAX_COLUMNS} columns");
            return fault(feature, &rule);
        }
        let one_hot = matches!(result.kind, Kind::OneHot { .. });
        if result.nullable && !one_hot && self.may_be_missing.is_none() {
            self.may_be_missing = Some(name.clone());
        }
        Ok(())
    }

    /// The second column's slot follows the first's.
    fn pair(&mut self, slot: usize, names: [String; 2]) -> ColumnNames {
        self.place(Slot::Number(slot), Group::Number);
        self.place(Slot::Number(slot + 1), Group::Number);
        ColumnNames::Listed(names.into())
    }

    fn place(&mut self, slot: Slot, group: Group) {
        self.columns += group.width();
        self.emitted.push(slot);
        self.groups.push(group);
    }

    fn step(&mut self, source: Source, op: StepOp, nullable: bool) -> Source {
        self.step_of(&[source], op, nullable)
    }

    fn step_of(&mut self, sources: &[Source], op: StepOp, nullable: bool) -> Source {
        let dst = self.number_slot();
        self.steps.push(Step {
            feature: String::new(),
            dst,
            src: sources.iter().map(|source| source.slot.index()).collect(),
            op,
        });
        Source {
            kind: Kind::Number,
            slot: Slot::Number(dst),
            nullable,
        }
    }

    fn number_slot(&mut self) -> usize {
        self.number_slots += 1;
        self.number_slots - 1
    }

    fn text_slot(&mut self) -> Slot {
        self.text_slots += 1;
        Slot::Text(self.text_slots - 1)
    }

    fn tensor_slot(&mut self) -> Slot {
        self.tensor_slots += 1;
        Slot::Tensor(self.tensor_slots - 1)
    }

    fn check_name(&self, name: &str) -> Result<()> {
        let taken = self.sources.iter().any(|(known, _)| known == name);
        match name.is_empty() || taken {
            true => Err(Error::spec(
                "spec.duplicate_name",
                format!("the name `{name}` is empty or stands twice"),
            )
            .with_field(name)),
            false => Ok(()),
        }
    }

    fn table(&self, rules: &Rules<'_>, table: &str, column: &str) -> Result<(Index, Vec<f64>)> {
        let Some(table) = self.lookups.iter().find(|known| known.name == table) else {
            return rules.fault(&format!("there is no lookup table `{table}`"));
        };
        let Some(column) = table.columns.iter().find(|known| known.name == column) else {
            return rules.fault(&format!(
                "the lookup table `{}` has no column `{column}`",
                table.name
            ));
        };
        let values = column
            .values
            .iter()
            .map(|value| value.unwrap_or(f64::NAN))
            .collect();
        Ok((rules.index(&table.keys)?, values))
    }
}

impl Slot {
    pub(crate) fn index(self) -> usize {
        match self {
            Self::Number(index) | Self::Text(index) | Self::Tensor(index) => index,
        }
    }
}

fn encoded(bucket: Source, encode: Encode, width: usize) -> Source {
    match encode {
        Encode::Index => bucket,
        Encode::OneHot => Source {
            kind: Kind::OneHot { width },
            nullable: false,
            ..bucket
        },
    }
}

/// The rule that a feature breaks, whatever its sources.
fn fault<T>(feature: &FittedFeature, rule: &str) -> Result<T> {
    let sources = &[];
    Rules { feature, sources }.fault(rule)
}

fn or_one(scale: f64) -> f64 {
    if scale == 0.0 { 1.0 } else { scale }
}

fn code(index: usize) -> f64 {
    f64::from(index_to_code(index))
}
