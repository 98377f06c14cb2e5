//! Windows without weights, and softmax.

use skewless_core::error::Result;
use skewless_core::plan::network::{Op, SumOrder, Tensor};

use super::Lowering;
use super::linear::{UNBOUNDED, bounded, two_dimensional};
use super::value::{Kind, Pending, Real, Value, View};
use super::window::Lies;
use crate::network::order::{arrange, stored, with_last};
use crate::onnx::attributes::{Attributes, describe};
use crate::onnx::message::NodeProto;
use crate::onnx::{invalid, unsupported_op};

/// What a pool may say.
pub(crate) const POOL: [&str; 8] = [
    "kernel_shape",
    "strides",
    "pads",
    "dilations",
    "auto_pad",
    "ceil_mode",
    "count_include_pad",
    "storage_order",
];

impl Lowering<'_> {
    pub(super) fn max_pool(&mut self, node: &NodeProto) -> Result<Value> {
        match self.input(node, 0)? {
            Value::Real(real) => {
                if !real.table.is_sorted() {
                    return Err(self.not_quantized(node, 0));
                }
                let view = self.max_pool_of(node, &real.view)?;
                Ok(Value::Real(Real { view, ..real }))
            }
            // Pools of integers: what lies in a tensor and what the source sees differ by a shift at most.
            Value::Steps(mut steps) => {
                steps.view = self.max_pool_of(node, &steps.view)?;
                Ok(Value::Steps(steps))
            }
            Value::Pending(mut pending) => {
                let (lies, shape) = pool_shape(node, &pending.shape)?;
                let axes: Vec<usize> = (1..pending.shape.len()).chain([0]).collect();
                if pending.order != stored(&pending.shape, &axes) || pending.stored.len() != 3 {
                    return Err(self.not_quantized(node, 0));
                }
                let to = two_dimensional(&shape[1..], shape[0]);
                pending.pools.push((lies.window(), to));
                pending.order = stored(&shape, &axes);
                pending.shape = shape;
                pending.channel = None;
                Ok(Value::Pending(pending))
            }
            _ => Err(self.not_quantized(node, 0)),
        }
    }

    fn max_pool_of(&mut self, node: &NodeProto, view: &View) -> Result<View> {
        if view.padding.is_some() {
            return Err(unsupported_op(node, "of an input with padding of its own"));
        }
        let (lies, shape) = pool_shape(node, &view.shape)?;
        let input = self.channels_last(node, view.tensor, &view.shape, &view.order)?;
        let from = self.builder.tensor(input);
        let to = Tensor {
            shape: two_dimensional(&shape[1..], shape[0]),
            ..from.clone()
        };
        let op = Op::MaxPool(lies.window());
        let tensor = self.builder.layer(&node.name, op, vec![input], to);
        let axes: Vec<usize> = (1..shape.len()).chain([0]).collect();
        Ok(View::whole(tensor, shape.clone(), stored(&shape, &axes)))
    }

    pub(super) fn average_pool(&mut self, node: &NodeProto) -> Result<Value> {
        let real = self.real(node, 0)?;
        self.average(node, &real)
    }

    pub(super) fn average(&mut self, node: &NodeProto, real: &Real) -> Result<Value> {
        let shape = &real.view.shape;
        if shape.len() < 2 || shape.len() > 3 || real.view.padding.is_some() {
            return Err(unsupported_op(
                node,
                "of other than one or two dimensions of space",
            ));
        }
        let op = node.op_type.trim_start_matches("QLinear");
        let (lies, include_padding) = match op {
            "AveragePool" => self.average_window(node, &shape[1..])?,
            "GlobalAveragePool" => {
                if Attributes::of(node, &["channels_last"])?.int("channels_last", 0) != 0 {
                    return Err(unsupported_op(node, "with channels last"));
                }
                (Lies::whole(&shape[1..]), false)
            }
            _ => return self.reduce_mean(node, real),
        };
        let out = lies.outputs(node, &shape[1..])?;
        let order = self.sum_order(node, &lies, &shape[1..]);
        self.average_layer(node, real, &lies, (include_padding, order), &out)
    }

    fn average_window(&self, node: &NodeProto, space: &[usize]) -> Result<(Lies, bool)> {
        let mut known = POOL.to_vec();
        known.push("channels_last");
        let attributes = Attributes::of(node, &known)?;
        if attributes.int("channels_last", 0) != 0 {
            return Err(unsupported_op(node, "with channels last"));
        }
        let mut lies = Lies::read(&attributes, space, None)?;
        let include = attributes.int("count_include_pad", 0) != 0;
        if attributes.int("ceil_mode", 0) != 0 {
            lies.round_up(space);
            if include && lies.is_padded() {
                return Err(unsupported_op(node, "`count_include_pad` with `ceil_mode`"));
            }
        }
        Ok((lies, include))
    }

    /// The order in which ONNX Runtime's unoptimised kernels on x86-64 add a window's elements (`MlasPool`; from
    /// opset 19 on, `AveragePool` has plain loops).
    fn sum_order(&self, node: &NodeProto, lies: &Lies, space: &[usize]) -> SumOrder {
        match node.op_type.as_str() {
            "GlobalAveragePool" => SumOrder::Lanes,
            "AveragePool" if self.opset < 19 && lies.is_all_of(space) => SumOrder::Lanes,
            "AveragePool" if self.opset < 19 && lies.is_summed_by_columns(space) => {
                SumOrder::Columns
            }
            _ => SumOrder::Rows,
        }
    }

    fn average_layer(
        &mut self,
        node: &NodeProto,
        real: &Real,
        lies: &Lies,
        (include_padding, order): (bool, SumOrder),
        out: &[usize],
    ) -> Result<Value> {
        let view = &real.view;
        let mut shape = vec![view.shape[0]];
        shape.extend(out);
        bounded(node, &shape)?;
        let tensor = self.on_grid(node, real)?;
        let input = self.channels_last(node, tensor, &view.shape, &view.order)?;
        let axes: Vec<usize> = (1..shape.len()).chain([0]).collect();
        Ok(Value::Pending(Pending {
            name: node.name.clone(),
            kind: Kind::Average {
                input,
                window: lies.window(),
                include_padding,
                order,
            },
            clamp: UNBOUNDED,
            stored: two_dimensional(out, shape[0]),
            order: stored(&shape, &axes),
            shape,
            pools: Vec::new(),
            channel: None,
        }))
    }

    /// The mean over all of space, which is a pool over it.
    fn reduce_mean(&mut self, node: &NodeProto, real: &Real) -> Result<Value> {
        let known = ["axes", "keepdims", "noop_with_empty_axes"];
        let attributes = Attributes::of(node, &known)?;
        let rank = real.view.shape.len();
        let mut axes = match self.optional_constant(node, 1)? {
            Some(axes) if node.op_type == "ReduceMean" => {
                axes.as_whole().unwrap_or_default().to_vec()
            }
            _ => attributes.ints("axes").to_vec(),
        };
        // With the batch as dimension 0.
        for axis in &mut axes {
            *axis += if *axis < 0 { 1 + rank_of(rank) } else { 0 };
        }
        axes.sort_unstable();
        if axes != (2..=rank_of(rank)).collect::<Vec<_>>() {
            return Err(unsupported_op(
                node,
                "over other dimensions than all of space",
            ));
        }
        let lies = Lies::whole(&real.view.shape[1..]);
        let value = self.average_layer(
            node,
            real,
            &lies,
            (false, SumOrder::Rows),
            &vec![1; rank - 1],
        )?;
        match value {
            Value::Pending(mut pending) if attributes.int("keepdims", 1) == 0 => {
                pending.shape.truncate(1);
                Ok(Value::Pending(pending))
            }
            value => Ok(value),
        }
    }

    pub(super) fn softmax(&mut self, node: &NodeProto) -> Result<Value> {
        let real = self.real(node, 0)?;
        let attributes = Attributes::of(node, &["axis"])?;
        let default = if self.opset < 13 { 1 } else { -1 };
        self.softmax_over(node, &real, attributes.int("axis", default), self.opset)
    }

    pub(super) fn softmax_over(
        &mut self,
        node: &NodeProto,
        real: &Real,
        axis: i64,
        opset: i64,
    ) -> Result<Value> {
        let shape = &real.view.shape;
        let rank = rank_of(shape.len());
        let axis = if axis < 0 { axis + rank } else { axis - 1 };
        let axis = usize::try_from(axis).unwrap_or(usize::MAX);
        if axis >= shape.len() || real.view.padding.is_some() {
            let message = format!("{}: an axis that its input has not", describe(node));
            return Err(invalid(message));
        }
        if opset < 13 && axis + 1 != shape.len() {
            return Err(unsupported_op(node, "over several dimensions at once"));
        }
        let axes = with_last(shape.len(), axis);
        let order = stored(shape, &axes);
        let to: Vec<usize> = axes.iter().map(|&axis| shape[axis]).collect();
        let tensor = self.on_grid(node, real)?;
        let input = arrange(
            &mut self.builder,
            tensor,
            &real.view.order,
            &order,
            to.clone(),
        );
        let input = input
            .ok_or_else(|| unsupported_op(node, "an input in an order that is no transpose"))?;
        Ok(Value::Pending(Pending {
            name: node.name.clone(),
            kind: Kind::Softmax { input },
            clamp: UNBOUNDED,
            stored: to,
            shape: shape.clone(),
            order,
            pools: Vec::new(),
            channel: None,
        }))
    }
}

fn rank_of(rank: usize) -> i64 {
    i64::try_from(rank).unwrap_or(i64::MAX)
}

/// Where a MaxPool's windows lie, and the shape that it gives.
fn pool_shape(node: &NodeProto, shape: &[usize]) -> Result<(Lies, Vec<usize>)> {
    let attributes = Attributes::of(node, &POOL)?;
    let Some((&channels, space)) = shape.split_first() else {
        return Err(unsupported_op(node, "of a single number"));
    };
    let mut lies = Lies::read(&attributes, space, None)?;
    if attributes.int("ceil_mode", 0) != 0 {
        lies.round_up(space);
    }
    let mut pooled = vec![channels];
    pooled.extend(lies.outputs(node, space)?);
    bounded(node, &pooled)?;
    Ok((lies, pooled))
}
