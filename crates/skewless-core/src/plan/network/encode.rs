//! A network's bytes in the plan (kind 3; `docs/bundle.md`).

use super::model::{
    AddMeaning, NetworkInput, NetworkModel, PoolMeaning, Requantize, SoftmaxMeaning, SumOrder,
    Tensor, Window,
};
use super::program::{Geometry, Product, Program, Step, StepOp};
use super::weights::Weights;
use crate::error::{Error, Result};
use crate::plan::bytes::PlanWriter;

/// Writes a model.
///
/// # Errors
/// `misuse.model` for a model that contradicts itself, `unsupported.model_size` for one that is too large.
pub(in crate::plan) fn encode(model: &NetworkModel, plan: &mut PlanWriter) -> Result<()> {
    let misuse = |what: String| Error::misuse("misuse.model", format!("the network: {what}"));
    let program = Program::of(model).map_err(misuse)?;
    (program.check()).map_err(|broken| misuse(broken.to_string()))?;
    plan.size(program.tensors.len())?;
    for tensor in &program.tensors {
        write_tensor(tensor, plan)?;
    }
    plan.size(program.inputs.len())?;
    for input in &program.inputs {
        write_input(input, plan)?;
    }
    plan.size(program.steps.len())?;
    for step in &program.steps {
        write_step(step, plan)?;
    }
    write_sizes(&program.outputs, plan)
}

fn write_sizes(sizes: &[usize], plan: &mut PlanWriter) -> Result<()> {
    plan.size(sizes.len())?;
    sizes.iter().try_for_each(|&size| plan.size(size))
}

fn write_tensor(tensor: &Tensor, plan: &mut PlanWriter) -> Result<()> {
    write_sizes(&tensor.shape, plan)?;
    plan.raw(&tensor.scale.to_le_bytes());
    plan.u8(tensor.zero_point.cast_unsigned());
    Ok(())
}

fn write_input(input: &NetworkInput, plan: &mut PlanWriter) -> Result<()> {
    match input {
        NetworkInput::Quantize { tensor } => {
            plan.u8(0);
            plan.size(*tensor)
        }
        NetworkInput::Embedding {
            tensor,
            indices,
            table,
            rows,
        } => {
            plan.u8(1);
            plan.size(*tensor)?;
            plan.size(*indices)?;
            plan.size(*rows)?;
            write_bytes(table, plan);
            Ok(())
        }
    }
}

fn write_bytes(values: &[i8], plan: &mut PlanWriter) {
    values
        .iter()
        .for_each(|value| plan.u8(value.cast_unsigned()));
}

fn write_words(values: &[i32], plan: &mut PlanWriter) {
    values
        .iter()
        .for_each(|value| plan.raw(&value.to_le_bytes()));
}

fn write_step(step: &Step, plan: &mut PlanWriter) -> Result<()> {
    write_sizes(&step.inputs, plan)?;
    plan.size(step.output)?;
    match &step.op {
        StepOp::Product(product) => write_product(product, plan)?,
        StepOp::MaxPool(window) => {
            plan.u8(3);
            write_window(window, plan)?;
        }
        StepOp::AveragePool {
            window,
            include_padding,
            meaning,
            clamp,
        } => {
            plan.u8(4);
            write_window(window, plan)?;
            plan.u8(u8::from(*include_padding));
            write_average(*meaning, plan);
            write_clamp(*clamp, plan);
        }
        StepOp::Add { meaning, clamp } => {
            plan.u8(5);
            write_add(*meaning, plan);
            write_clamp(*clamp, plan);
        }
        StepOp::Lookup { table } => {
            plan.u8(6);
            write_bytes(table, plan);
        }
        StepOp::Softmax(meaning) => {
            plan.u8(7);
            write_softmax(*meaning, plan);
        }
        StepOp::Concat => plan.u8(8),
        StepOp::Reshape => plan.u8(9),
        StepOp::Transpose { permutation } => {
            plan.u8(10);
            write_sizes(permutation, plan)?;
        }
    }
    Ok(())
}

fn write_product(product: &Product, plan: &mut PlanWriter) -> Result<()> {
    match &product.geometry {
        Geometry::Dense => plan.u8(0),
        Geometry::Conv { window, groups } => {
            plan.u8(1);
            write_window(window, plan)?;
            plan.size(*groups)?;
        }
        Geometry::Depthwise { window } => {
            plan.u8(2);
            write_window(window, plan)?;
        }
    }
    match &product.weights {
        Weights::Narrow(weights) => {
            plan.u8(0);
            write_bytes(weights, plan);
        }
        Weights::Wide(weights) => {
            plan.u8(1);
            weights
                .iter()
                .for_each(|weight| plan.raw(&weight.to_le_bytes()));
        }
    }
    write_words(&product.bias, plan);
    write_requantize(&product.requantize, plan)?;
    write_clamp(product.clamp, plan);
    Ok(())
}

fn write_requantize(requantize: &Requantize, plan: &mut PlanWriter) -> Result<()> {
    match requantize {
        Requantize::Float { multiplier } => {
            plan.u8(0);
            plan.size(multiplier.len())?;
            multiplier.iter().for_each(|it| plan.raw(&it.to_le_bytes()));
        }
        Requantize::Fixed { multiplier, shift } | Requantize::FixedOnce { multiplier, shift } => {
            let once = matches!(requantize, Requantize::FixedOnce { .. });
            plan.u8(1 + u8::from(once));
            plan.size(multiplier.len())?;
            write_words(multiplier, plan);
            write_bytes(shift, plan);
        }
    }
    Ok(())
}

fn write_window(window: &Window, plan: &mut PlanWriter) -> Result<()> {
    for (down, across) in [
        window.kernel,
        window.stride,
        window.dilation,
        window.before,
        window.after,
    ] {
        plan.size(down)?;
        plan.size(across)?;
    }
    Ok(())
}

fn write_average(meaning: PoolMeaning, plan: &mut PlanWriter) {
    match meaning {
        PoolMeaning::Float(SumOrder::Rows) => plan.u8(0),
        PoolMeaning::Float(SumOrder::Columns) => plan.u8(3),
        PoolMeaning::Float(SumOrder::Lanes) => plan.u8(4),
        PoolMeaning::Fixed => plan.u8(1),
        PoolMeaning::FixedMean { multiplier, shift } => {
            plan.u8(2);
            write_words(&[multiplier], plan);
            write_bytes(&[shift], plan);
        }
    }
}

fn write_add(meaning: AddMeaning, plan: &mut PlanWriter) {
    match meaning {
        AddMeaning::Float => plan.u8(0),
        AddMeaning::Fixed {
            left_shift,
            multiplier,
            shift,
        } => {
            plan.u8(1);
            plan.u8(left_shift);
            write_words(&multiplier, plan);
            write_bytes(&shift, plan);
        }
    }
}

fn write_softmax(meaning: SoftmaxMeaning, plan: &mut PlanWriter) {
    match meaning {
        SoftmaxMeaning::Float => plan.u8(0),
        SoftmaxMeaning::Fixed {
            multiplier,
            shift,
            minimum_difference,
        } => {
            plan.u8(1);
            write_words(&[multiplier, minimum_difference], plan);
            write_bytes(&[shift], plan);
        }
        SoftmaxMeaning::Table { beta } => {
            plan.u8(2);
            plan.raw(&beta.to_le_bytes());
        }
    }
}

fn write_clamp((lower, upper): (i8, i8), plan: &mut PlanWriter) {
    write_bytes(&[lower, upper], plan);
}
