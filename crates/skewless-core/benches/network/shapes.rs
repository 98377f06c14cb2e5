//! The networks that the benches run: the shapes of MLPerf Tiny's four models and of a small dense network, with drawn
//! weights.

use skewless_core::plan::network::{
    AddMeaning, Conv, Dense, Layer, NetworkInput, NetworkModel, Op, PoolMeaning, Requantize,
    SoftmaxMeaning, SumOrder, Tensor, Window,
};

/// A network by its name: `mlp` has 137-128-64-2 units; the others are MLPerf Tiny's keyword spotting, image
/// classification, visual wake words and anomaly detection.
pub(crate) fn network(name: &str) -> NetworkModel {
    match name {
        "kws" => keyword_spotting(),
        "ic" => image_classification(),
        "vww" => visual_wake_words(),
        "ad" => autoencoder(),
        _ => dense_chain(137, &[128, 64, 2]),
    }
}

/// A network under construction, whose last tensor is the next layer's input.
struct Chain {
    tensors: Vec<Tensor>,
    layers: Vec<Layer>,
    state: u64,
}

impl Chain {
    fn new(shape: &[usize]) -> Self {
        let mut chain = Self {
            tensors: Vec::new(),
            layers: Vec::new(),
            state: 1,
        };
        chain.tensor(shape.to_vec());
        chain
    }

    fn tensor(&mut self, shape: Vec<usize>) {
        self.tensors.push(Tensor {
            shape,
            scale: 0.05,
            zero_point: -3,
        });
    }

    fn last(&self) -> usize {
        self.tensors.len() - 1
    }

    fn push(&mut self, op: Op, inputs: Vec<usize>, shape: Vec<usize>) -> usize {
        self.tensor(shape);
        self.layers.push(Layer {
            name: String::new(),
            op,
            inputs,
            output: self.last(),
        });
        self.last()
    }

    /// Weights from −127 to 127.
    fn weights(&mut self, count: usize) -> Vec<i16> {
        (0..count)
            .map(|_| {
                self.state = self
                    .state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                i16::try_from((self.state >> 33) % 255).unwrap_or_default() - 127
            })
            .collect()
    }

    fn dense(&mut self, outputs: usize) {
        let inputs = self.tensors[self.last()].len();
        let op = Op::Dense(Dense {
            weights: self.weights(inputs * outputs),
            bias: vec![100; outputs],
            requantize: multipliers(outputs, inputs),
            clamp: (-3, 127),
        });
        self.push(op, vec![self.last()], vec![outputs]);
    }

    /// A convolution with the padding "same" of TensorFlow.
    fn conv(
        &mut self,
        input: usize,
        outputs: usize,
        kernel: (usize, usize),
        stride: usize,
    ) -> usize {
        self.grouped(input, outputs, kernel, stride, 1)
    }

    fn depthwise(&mut self, stride: usize) {
        let channels = *self.tensors[self.last()].shape.last().unwrap_or(&1);
        self.grouped(self.last(), channels, (3, 3), stride, channels);
    }

    fn grouped(
        &mut self,
        input: usize,
        outputs: usize,
        kernel: (usize, usize),
        stride: usize,
        groups: usize,
    ) -> usize {
        let &[height, width, channels] = self.tensors[input].shape.as_slice() else {
            return input;
        };
        let axis = |size: usize, kernel: usize| {
            let windows = size.div_ceil(stride);
            let padding = ((windows - 1) * stride + kernel).saturating_sub(size);
            (windows, padding / 2, padding - padding / 2)
        };
        let ((rows, top, bottom), (columns, left, right)) =
            (axis(height, kernel.0), axis(width, kernel.1));
        let sums = kernel.0 * kernel.1 * (channels / groups);
        let op = Op::Conv(Conv {
            weights: self.weights(outputs * sums),
            bias: vec![100; outputs],
            groups,
            window: Window {
                kernel,
                stride: (stride, stride),
                dilation: (1, 1),
                before: (top, left),
                after: (bottom, right),
            },
            requantize: multipliers(outputs, sums),
            clamp: (-3, 127),
        });
        self.push(op, vec![input], vec![rows, columns, outputs])
    }

    fn add(&mut self, a: usize, b: usize) -> usize {
        let shape = self.tensors[a].shape.clone();
        let op = Op::Add {
            meaning: AddMeaning::Float,
            clamp: (-3, 127),
        };
        self.push(op, vec![a, b], shape)
    }

    /// The mean of all pixels, a dense layer, a softmax.
    fn classifier(mut self, classes: usize) -> NetworkModel {
        let &[height, width, channels] = self.tensors[self.last()].shape.as_slice() else {
            return self.finish();
        };
        let op = Op::AveragePool {
            window: Window {
                kernel: (height, width),
                stride: (1, 1),
                dilation: (1, 1),
                before: (0, 0),
                after: (0, 0),
            },
            include_padding: false,
            meaning: PoolMeaning::Float(SumOrder::Lanes),
            clamp: (-128, 127),
        };
        self.push(op, vec![self.last()], vec![1, 1, channels]);
        self.dense(classes);
        self.push(
            Op::Softmax(SoftmaxMeaning::Float),
            vec![self.last()],
            vec![classes],
        );
        self.finish()
    }

    fn finish(self) -> NetworkModel {
        let output = self.last();
        NetworkModel {
            inputs: vec![NetworkInput::Quantize { tensor: 0 }],
            tensors: self.tensors,
            layers: self.layers,
            outputs: vec![output],
        }
    }
}

/// One multiplier a channel, which keeps the outputs' spread near that of the inputs.
fn multipliers(channels: usize, sums: usize) -> Requantize {
    let each = 1.0 / (80.0 * (sums as f32).sqrt());
    Requantize::Float {
        multiplier: (0..channels).map(|it| each + it as f32 * 1e-7).collect(),
    }
}

fn dense_chain(inputs: usize, outputs: &[usize]) -> NetworkModel {
    let mut chain = Chain::new(&[inputs]);
    outputs.iter().for_each(|&it| chain.dense(it));
    chain.finish()
}

fn autoencoder() -> NetworkModel {
    dense_chain(640, &[128, 128, 128, 128, 8, 128, 128, 128, 128, 640])
}

fn keyword_spotting() -> NetworkModel {
    let mut chain = Chain::new(&[49, 10, 1]);
    chain.conv(0, 64, (10, 4), 2);
    for _ in 0..4 {
        chain.depthwise(1);
        chain.conv(chain.last(), 64, (1, 1), 1);
    }
    chain.classifier(12)
}

fn image_classification() -> NetworkModel {
    let mut chain = Chain::new(&[32, 32, 3]);
    let mut stem = chain.conv(0, 16, (3, 3), 1);
    for (outputs, stride) in [(16, 1), (32, 2), (64, 2)] {
        let first = chain.conv(stem, outputs, (3, 3), stride);
        let second = chain.conv(first, outputs, (3, 3), 1);
        let side = match stride {
            1 => stem,
            _ => chain.conv(stem, outputs, (1, 1), stride),
        };
        stem = chain.add(side, second);
    }
    chain.classifier(10)
}

fn visual_wake_words() -> NetworkModel {
    let mut chain = Chain::new(&[96, 96, 3]);
    chain.conv(0, 8, (3, 3), 2);
    let blocks = [
        (16, 1),
        (32, 2),
        (32, 1),
        (64, 2),
        (64, 1),
        (128, 2),
        (128, 1),
        (128, 1),
        (128, 1),
        (128, 1),
        (128, 1),
        (256, 2),
        (256, 1),
    ];
    for (outputs, stride) in blocks {
        chain.depthwise(stride);
        chain.conv(chain.last(), outputs, (1, 1), 1);
    }
    chain.classifier(2)
}
