//! Random small networks: every layer, paddings, strides, dilations, groups, channel counts that fill no block, zero
//! points at the ends, multipliers that saturate.

use skewless_core::plan::network::{
    AddMeaning, Conv, Dense, Layer, NetworkInput, NetworkModel, Op, PoolMeaning, Requantize,
    SoftmaxMeaning, SumOrder, Tensor, Window,
};

/// A stream of numbers from a seed (SplitMix64).
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `low` to `high`.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + (self.bits() % u64::try_from(high - low + 1).unwrap()) as i64
    }

    pub(crate) fn size(&mut self, low: usize, high: usize) -> usize {
        self.between(low as i64, high as i64) as usize
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.bits() % 100 < percent
    }

    fn real(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * (self.bits() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// Any int8, the ends often.
    fn byte(&mut self) -> i8 {
        match self.bits() % 8 {
            0 => i8::MIN,
            1 => i8::MAX,
            _ => self.bits() as i8,
        }
    }
}

/// A network under construction: the last tensor is the next layer's input.
struct Builder<'a> {
    draw: &'a mut Draw,
    tensors: Vec<Tensor>,
    layers: Vec<Layer>,
}

/// A network of up to four layers, and what they need.
pub(crate) fn network(draw: &mut Draw) -> NetworkModel {
    let shape = match draw.bits() % 4 {
        0 => vec![draw.size(1, 40)],
        1 => vec![draw.size(1, 12), draw.size(1, 20)],
        _ => vec![draw.size(1, 9), draw.size(1, 9), draw.size(1, 20)],
    };
    let mut builder = Builder {
        tensors: vec![tensor(shape, draw)],
        layers: Vec::new(),
        draw,
    };
    for _ in 0..builder.draw.size(1, 4) {
        builder.layer();
    }
    let first = builder.tensors[0].clone();
    let last = builder.tensors.len() - 1;
    let input = match builder.draw.chance(15) {
        true => embedding(&first, builder.draw),
        false => NetworkInput::Quantize { tensor: 0 },
    };
    let outputs = match builder.draw.chance(20) {
        true => vec![last, builder.draw.size(0, last)],
        false => vec![last],
    };
    NetworkModel {
        inputs: vec![input],
        tensors: builder.tensors,
        layers: builder.layers,
        outputs,
    }
}

fn embedding(tensor: &Tensor, draw: &mut Draw) -> NetworkInput {
    let indices = *tensor.shape.first().unwrap();
    let rows = draw.size(1, 30);
    let width = tensor.len() / indices;
    NetworkInput::Embedding {
        tensor: 0,
        indices,
        table: (0..rows * width).map(|_| draw.byte()).collect(),
        rows,
    }
}

/// Rows for a network, some beyond what its input can hold.
pub(crate) fn rows(model: &NetworkModel, draw: &mut Draw) -> Vec<f64> {
    let count = draw.size(1, 11);
    (0..count).flat_map(|_| row(model, draw)).collect()
}

pub(crate) fn row(model: &NetworkModel, draw: &mut Draw) -> Vec<f64> {
    match &model.inputs[0] {
        NetworkInput::Embedding { indices, rows, .. } => (0..*indices)
            .map(|_| draw.size(0, rows - 1) as f64)
            .collect(),
        NetworkInput::Quantize { tensor } => {
            let tensor = &model.tensors[*tensor];
            let zeros = draw.chance(30);
            let mut value = || match draw.bits() % 16 {
                0 => 1e30,
                1 => -1e30,
                2..9 if zeros => 0.0,
                // Half steps, which round to even.
                _ => (draw.between(-600, 600) as f32 * 0.5 * tensor.scale).into(),
            };
            (0..tensor.len()).map(|_| value()).collect()
        }
    }
}

fn tensor(shape: Vec<usize>, draw: &mut Draw) -> Tensor {
    Tensor {
        shape,
        scale: draw.real(0.001, 2.0),
        zero_point: draw.byte(),
    }
}

fn clamp(draw: &mut Draw) -> (i8, i8) {
    match draw.chance(50) {
        true => (i8::MIN, i8::MAX),
        false => {
            let (a, b) = (draw.byte(), draw.byte());
            (a.min(b), a.max(b))
        }
    }
}

fn window((height, width): (usize, usize), draw: &mut Draw) -> Window {
    let mut axis = |size: usize| {
        let kernel = draw.size(1, 4);
        let dilation = draw.size(1, 2);
        let extent = (kernel - 1) * dilation + 1;
        let mut pads = (draw.size(0, extent - 1), draw.size(0, extent - 1));
        if size + pads.0 + pads.1 < extent {
            pads = (extent - 1, extent - 1);
        }
        (kernel, draw.size(1, 3), dilation, pads.0, pads.1)
    };
    let (down, across) = (axis(height), axis(width));
    Window {
        kernel: (down.0, across.0),
        stride: (down.1, across.1),
        dilation: (down.2, across.2),
        before: (down.3, across.3),
        after: (down.4, across.4),
    }
}

fn plane(shape: &[usize]) -> Option<(usize, usize, usize)> {
    match *shape {
        [c] => Some((1, 1, c)),
        [w, c] => Some((1, w, c)),
        [h, w, c] => Some((h, w, c)),
        _ => None,
    }
}

fn windows(size: usize, axis: (usize, usize, usize, usize, usize)) -> usize {
    let (kernel, stride, dilation, before, after) = axis;
    (size + before + after - (kernel - 1) * dilation - 1) / stride + 1
}

/// Height and width of what a window makes.
fn output_size((height, width): (usize, usize), window: &Window) -> (usize, usize) {
    let w = window;
    (
        windows(
            height,
            (w.kernel.0, w.stride.0, w.dilation.0, w.before.0, w.after.0),
        ),
        windows(
            width,
            (w.kernel.1, w.stride.1, w.dilation.1, w.before.1, w.after.1),
        ),
    )
}

fn weights(count: usize, draw: &mut Draw) -> Vec<i16> {
    let limit = if draw.chance(20) { 255 } else { 127 };
    (0..count)
        .map(|_| match draw.bits() % 10 {
            0 => -limit,
            1 => limit,
            2 if limit == 127 => -128,
            _ => draw.between(i64::from(-limit), i64::from(limit)) as i16,
        })
        .collect()
}

fn requantize(channels: usize, draw: &mut Draw) -> Requantize {
    let count = if draw.chance(30) { 1 } else { channels };
    let kind = draw.bits() % 3;
    if kind == 0 {
        let multiplier = (0..count).map(|_| match draw.bits() % 12 {
            0 => 1e30,
            1 => 0.0,
            // Powers of two make many ties.
            2..5 => 2f32.powi(draw.between(-12, 2) as i32),
            _ => draw.real(1e-5, 0.02),
        });
        return Requantize::Float {
            multiplier: multiplier.collect(),
        };
    }
    let mut multiplier = Vec::new();
    let mut shift = Vec::new();
    // Vector kernels take a shorter way where all shifts are small and to the right.
    let small = draw.chance(50);
    for _ in 0..count {
        let any = draw.between(-31, 30);
        let (m, s) = match draw.bits() % 12 {
            0 => (i32::MAX, any),
            1 => (0, any),
            2 => (1 << 30, draw.between(-12, 3)),
            _ => (
                draw.between(1 << 30, (1 << 31) - 1) as i32,
                draw.between(-14, 1),
            ),
        };
        multiplier.push(m);
        shift.push(if small { s.clamp(-14, 0) } else { s } as i8);
    }
    match kind {
        1 => Requantize::Fixed { multiplier, shift },
        _ => Requantize::FixedOnce { multiplier, shift },
    }
}

impl Builder<'_> {
    fn push(&mut self, op: Op, inputs: Vec<usize>, output: Tensor) {
        self.tensors.push(output);
        self.layers.push(Layer {
            name: format!("layer {}", self.layers.len()),
            op,
            inputs,
            output: self.tensors.len() - 1,
        });
    }

    fn layer(&mut self) {
        let last = self.tensors.len() - 1;
        let input = self.tensors[last].clone();
        match (self.draw.bits() % 14, plane(&input.shape)) {
            (0..2, _) => self.dense(last, &input),
            (2..5, Some(plane)) => self.conv(last, plane, false),
            (5..7, Some(plane)) => self.conv(last, plane, true),
            (7, Some(plane)) => self.max_pool(last, &input, plane),
            (8, Some(plane)) => self.average_pool(last, &input, plane),
            (9, _) => self.add(last, &input),
            (10, _) => {
                let table = (0..256).map(|_| self.draw.byte()).collect();
                let output = tensor(input.shape, self.draw);
                self.push(Op::Lookup { table }, vec![last], output);
            }
            (11, _) => self.softmax(last, &input),
            (12, _) => {
                let shape = vec![input.len()];
                self.push(Op::Reshape, vec![last], Tensor { shape, ..input });
            }
            _ => self.arrange(last, &input),
        }
    }

    fn dense(&mut self, last: usize, input: &Tensor) {
        let outputs = self.draw.size(1, 37);
        let op = Op::Dense(Dense {
            weights: weights(outputs * input.len(), self.draw),
            bias: self.biases(outputs),
            requantize: requantize(outputs, self.draw),
            clamp: clamp(self.draw),
        });
        let output = tensor(vec![outputs], self.draw);
        self.push(op, vec![last], output);
    }

    fn biases(&mut self, count: usize) -> Vec<i32> {
        let draw = &mut *self.draw;
        (0..count)
            .map(|_| match draw.bits() % 20 {
                0 => i32::MAX - 5,
                1 => i32::MIN + 5,
                _ => draw.between(-20_000, 20_000) as i32,
            })
            .collect()
    }

    fn conv(&mut self, last: usize, (h, w, c): (usize, usize, usize), depthwise: bool) {
        let window = window((h, w), self.draw);
        let divisors: Vec<usize> = (1..=c).filter(|it| c % it == 0).collect();
        let groups = match (depthwise, self.draw.chance(70)) {
            (true, _) => c,
            (false, true) => 1,
            (false, false) => divisors[self.draw.size(0, divisors.len() - 1)],
        };
        let each = if depthwise && self.draw.chance(80) {
            1
        } else {
            self.draw.size(1, 19)
        };
        let outputs = groups * each.min(60 / groups).max(1);
        let count = outputs * window.kernel.0 * window.kernel.1 * (c / groups);
        let (rows, columns) = output_size((h, w), &window);
        let op = Op::Conv(Conv {
            weights: weights(count, self.draw),
            bias: self.biases(outputs),
            groups,
            window,
            requantize: requantize(outputs, self.draw),
            clamp: clamp(self.draw),
        });
        let output = tensor(vec![rows, columns, outputs], self.draw);
        self.push(op, vec![last], output);
    }

    fn max_pool(&mut self, last: usize, input: &Tensor, (h, w, c): (usize, usize, usize)) {
        let window = window((h, w), self.draw);
        let (rows, columns) = output_size((h, w), &window);
        let shape = vec![rows, columns, c];
        let output = Tensor { shape, ..*input };
        self.push(Op::MaxPool(window), vec![last], output);
    }

    fn average_pool(&mut self, last: usize, input: &Tensor, (h, w, c): (usize, usize, usize)) {
        let window = window((h, w), self.draw);
        let (rows, columns) = output_size((h, w), &window);
        let output = tensor(vec![rows, columns, c], self.draw);
        let (meaning, output) = match self.draw.bits() % 5 {
            0 => (PoolMeaning::Float(SumOrder::Rows), output),
            3 => (PoolMeaning::Float(SumOrder::Columns), output),
            4 => (PoolMeaning::Float(SumOrder::Lanes), output),
            1 => {
                let shape = output.shape;
                (PoolMeaning::Fixed, Tensor { shape, ..*input })
            }
            _ => {
                let multiplier = self.draw.between(1 << 30, (1 << 31) - 1) as i32;
                let shift = self.draw.between(-3, 3) as i8;
                (PoolMeaning::FixedMean { multiplier, shift }, output)
            }
        };
        let op = Op::AveragePool {
            window,
            include_padding: self.draw.chance(50),
            meaning,
            clamp: clamp(self.draw),
        };
        self.push(op, vec![last], output);
    }

    fn add(&mut self, last: usize, input: &Tensor) {
        let table = (0..256).map(|_| self.draw.byte()).collect();
        let second = tensor(input.shape.clone(), self.draw);
        self.push(Op::Lookup { table }, vec![last], second);
        let meaning = match self.draw.chance(50) {
            true => AddMeaning::Float,
            false => AddMeaning::Fixed {
                left_shift: 20,
                multiplier: std::array::from_fn(|_| {
                    self.draw.between(1 << 30, (1 << 31) - 1) as i32
                }),
                shift: [
                    self.draw.between(-4, 0) as i8,
                    self.draw.between(-4, 0) as i8,
                    self.draw.between(-24, -17) as i8,
                ],
            },
        };
        let clamp = clamp(self.draw);
        let inputs = match self.draw.chance(10) {
            true => vec![last, last],
            false => vec![last, self.tensors.len() - 1],
        };
        let output = tensor(input.shape.clone(), self.draw);
        self.push(Op::Add { meaning, clamp }, inputs, output);
    }

    fn softmax(&mut self, last: usize, input: &Tensor) {
        let meaning = match self.draw.bits() % 3 {
            0 => SoftmaxMeaning::Float,
            1 => SoftmaxMeaning::Table {
                beta: self.draw.real(0.001, 0.5),
            },
            _ => SoftmaxMeaning::Fixed {
                multiplier: self.draw.between(1 << 30, (1 << 31) - 1) as i32,
                shift: self.draw.between(18, 24) as i8,
                minimum_difference: self.draw.between(-255, 0) as i32,
            },
        };
        let output = Tensor {
            shape: input.shape.clone(),
            scale: 1.0 / 256.0,
            zero_point: i8::MIN,
        };
        self.push(Op::Softmax(meaning), vec![last], output);
    }

    fn arrange(&mut self, last: usize, input: &Tensor) {
        if self.draw.chance(50) {
            let mut shape = input.shape.clone();
            *shape.last_mut().unwrap() *= 2;
            let output = Tensor { shape, ..*input };
            self.push(Op::Concat, vec![last, last], output);
            return;
        }
        let mut permutation: Vec<usize> = (0..input.shape.len()).collect();
        let shift = self.draw.size(0, permutation.len() - 1);
        permutation.rotate_left(shift);
        let shape = permutation.iter().map(|&it| input.shape[it]).collect();
        let output = Tensor { shape, ..*input };
        self.push(Op::Transpose { permutation }, vec![last], output);
    }
}
