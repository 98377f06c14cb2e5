//! Where a tensor's elements lie: the map from a source's row-major positions to those of the plan, which keeps channels
//! last.
//!
//! Importers never move data to follow a source's transposes and reshapes. They keep this map, and move only where a
//! layer reads elements in another order than they lie in.

use std::rc::Rc;

use super::builder::Builder;

/// Entry i is the place of the source's i-th element.
pub(crate) type Order = Rc<[usize]>;

/// Elements as the source has them.
pub(crate) fn row_major(elements: usize) -> Order {
    (0..elements).collect()
}

/// The order of a tensor whose dimension k is the source's dimension `axes[k]`.
pub(crate) fn stored(shape: &[usize], axes: &[usize]) -> Order {
    let mut strides = vec![0; shape.len()];
    let mut step = 1;
    for &axis in axes.iter().rev() {
        strides[axis] = step;
        step *= shape[axis];
    }
    walk(shape, &strides).into()
}

/// The order after the source's transpose by `axes` of a value of `shape`.
pub(crate) fn transposed(shape: &[usize], axes: &[usize], order: &Order) -> Order {
    let strides = row_major_strides(shape);
    let sizes: Vec<usize> = axes.iter().map(|&axis| shape[axis]).collect();
    let steps: Vec<usize> = axes.iter().map(|&axis| strides[axis]).collect();
    walk(&sizes, &steps)
        .into_iter()
        .map(|index| order[index])
        .collect()
}

/// The axes 0..rank with `axis` moved to the end.
pub(crate) fn with_last(rank: usize, axis: usize) -> Vec<usize> {
    (0..rank)
        .filter(|&other| other != axis)
        .chain([axis])
        .collect()
}

/// Steps between neighbours along each dimension.
pub(crate) fn row_major_strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// Σ index · stride of every index of `shape`, row-major.
pub(crate) fn walk(shape: &[usize], strides: &[usize]) -> Vec<usize> {
    let mut offsets = vec![0];
    for (&size, &stride) in shape.iter().zip(strides) {
        offsets = offsets
            .iter()
            .flat_map(|offset| (0..size).map(move |index| offset + index * stride))
            .collect();
    }
    offsets
}

/// Moves the elements of `tensor` so that they lie in `wanted` and have the shape `shape`; nothing where they lie so.
/// None where the move is no transpose.
pub(crate) fn arrange(
    builder: &mut Builder,
    tensor: usize,
    order: &Order,
    wanted: &Order,
    shape: Vec<usize>,
) -> Option<usize> {
    if order == wanted {
        return Some(builder.reshape(tensor, shape));
    }
    let mut moves = vec![0; wanted.len()];
    for (&to, &from) in wanted.iter().zip(order.iter()) {
        moves[to] = from;
    }
    let axes = strided_axes(&moves)?;
    let mut by_stride: Vec<usize> = (0..axes.len()).collect();
    by_stride.sort_by_key(|&axis| std::cmp::Reverse(axes[axis].1));
    let before = by_stride.iter().map(|&axis| axes[axis].0).collect();
    let mut permutation = vec![0; axes.len()];
    for (position, &axis) in by_stride.iter().enumerate() {
        permutation[axis] = position;
    }
    let tensor = builder.reshape(tensor, before);
    let tensor = builder.transpose(tensor, permutation);
    Some(builder.reshape(tensor, shape))
}

/// A map of positions as axes of (size, stride), the outermost first.
fn strided_axes(moves: &[usize]) -> Option<Vec<(usize, usize)>> {
    let mut axes = Vec::new();
    let mut block = 1;
    while block < moves.len() {
        let stride = moves[block];
        let size = (0..moves.len() / block)
            .take_while(|&index| moves[index * block] == index * stride)
            .count();
        if size < 2 {
            return None;
        }
        axes.push((size, stride));
        block *= size;
    }
    axes.reverse();
    let (sizes, strides): (Vec<_>, Vec<_>) = axes.iter().copied().unzip();
    let mut sorted = axes.clone();
    sorted.sort_by_key(|&(_, stride)| stride);
    let mut step = 1;
    for (size, stride) in sorted {
        if stride != step {
            return None;
        }
        step *= size;
    }
    (step == moves.len() && walk(&sizes, &strides) == moves).then_some(axes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_last_is_an_order_of_the_source() {
        let order = stored(&[2, 1, 3], &[1, 2, 0]);
        assert_eq!(order.as_ref(), [0, 2, 4, 1, 3, 5]);
        let back = transposed(&[2, 1, 3], &[1, 2, 0], &order);
        assert_eq!(back, row_major(6));
    }

    #[test]
    fn a_move_is_found_as_axes() {
        let moves = stored(&[4, 3, 5], &[2, 0, 1]);
        let axes = strided_axes(&moves).unwrap();
        let (sizes, strides): (Vec<_>, Vec<_>) = axes.into_iter().unzip();
        assert_eq!(walk(&sizes, &strides), moves.as_ref());
        assert_eq!(strided_axes(&[0, 2, 1]), None);
        assert_eq!(strided_axes(&[1, 0]), None);
    }
}
