"""Write all-MiniLM-L6-v2 as one ONNX graph: a BERT encoder, mean pooling and a unit-length result.

The weights come from the model's safetensors file as they are. PyTorch takes no part, and the same weights
give the same bytes.
"""

import json

import numpy as np
import onnx

HEADS, LAYERS = 12, 6

# The two parts below are ONNX's own text form. A weight has the name it has in the safetensors file, with "_"
# for ".", so that {layer}_output_dense_weight is the weight encoder.layer.N.output.dense.weight.
GRAPH = """
<ir_version: 11, opset_import: ["": 23], producer_name: "build_onnx">
sentence_embedding (int64[batch, tokens] input_ids, int64[batch, tokens] attention_mask)
    => (float[batch, 384] embedding) {{
  words = Gather(embeddings_word_embeddings_weight, input_ids)
  length = Shape<start = 1, end = 2>(input_ids)
  zero = Constant<value_ints = [0]>()
  one = Constant<value_ints = [1]>()
  two = Constant<value_ints = [2]>()
  places = Slice(embeddings_position_embeddings_weight, zero, length, zero)
  kind = Slice(embeddings_token_type_embeddings_weight, zero, one, zero)
  placed = Add(words, places)
  embedded = Add(placed, kind)
  state_0 = LayerNormalization<axis = -1, epsilon = 1.0e-12>
    (embedded, embeddings_LayerNorm_weight, embeddings_LayerNorm_bias)
  heads_and_queries = Constant<value_ints = [1, 2]>()
  keys = Unsqueeze(attention_mask, heads_and_queries)
  key_mask = Cast<to = 9>(keys)
  for_each_query = Concat<axis = 0>(one, one, length, one)
  mask = Expand(key_mask, for_each_query)
  rows = Unsqueeze(attention_mask, two)
  weights = Cast<to = 1>(rows)
  {layers}
  kept = Mul(state_{last}, weights)
  sums = ReduceSum<keepdims = 0>(kept, one)
  counts = ReduceSum<keepdims = 0>(weights, one)
  means = Div(sums, counts)
  embedding = LpNormalization<axis = -1, p = 2>(means)
}}
"""
LAYER = """
  query_{n} = MatMul(state_{n}, {layer}_attention_self_query_weight)
  query_b_{n} = Add(query_{n}, {layer}_attention_self_query_bias)
  key_{n} = MatMul(state_{n}, {layer}_attention_self_key_weight)
  key_b_{n} = Add(key_{n}, {layer}_attention_self_key_bias)
  value_{n} = MatMul(state_{n}, {layer}_attention_self_value_weight)
  value_b_{n} = Add(value_{n}, {layer}_attention_self_value_bias)
  seen_{n} = Attention<q_num_heads = {heads}, kv_num_heads = {heads}>
    (query_b_{n}, key_b_{n}, value_b_{n}, mask)
  mixed_{n} = MatMul(seen_{n}, {layer}_attention_output_dense_weight)
  mixed_b_{n} = Add(mixed_{n}, {layer}_attention_output_dense_bias)
  attended_{n} = Add(mixed_b_{n}, state_{n})
  between_{n} = LayerNormalization<axis = -1, epsilon = 1.0e-12>
    (attended_{n}, {layer}_attention_output_LayerNorm_weight, {layer}_attention_output_LayerNorm_bias)
  wide_{n} = MatMul(between_{n}, {layer}_intermediate_dense_weight)
  wide_b_{n} = Add(wide_{n}, {layer}_intermediate_dense_bias)
  active_{n} = Gelu(wide_b_{n})
  narrow_{n} = MatMul(active_{n}, {layer}_output_dense_weight)
  narrow_b_{n} = Add(narrow_{n}, {layer}_output_dense_bias)
  changed_{n} = Add(narrow_b_{n}, between_{n})
  state_{next} = LayerNormalization<axis = -1, epsilon = 1.0e-12>
    (changed_{n}, {layer}_output_LayerNorm_weight, {layer}_output_LayerNorm_bias)
"""


def build(safetensors, destination):
    """Write the ONNX file ``destination`` from the weights in ``safetensors``."""
    layers = "".join(LAYER.format(n=n, next=n + 1, heads=HEADS, layer=f"encoder_layer_{n}") for n in range(LAYERS))
    model = onnx.parser.parse_model(GRAPH.format(layers=layers, last=LAYERS))
    for name, values in sorted(read_safetensors(safetensors).items()):
        if name.startswith("pooler.") or values.dtype != np.float32:
            continue  # position_ids are counted in the graph; the pooler is not used in sentence embeddings
        model.graph.initializer.append(initializer(name, values))
    onnx.checker.check_model(model, full_check=True)
    destination.write_bytes(model.SerializeToString(deterministic=True))


def initializer(name, values):
    # PyTorch keeps the weight of a dense layer as (outputs, inputs); MatMul wants (inputs, outputs).
    if name.endswith((".dense.weight", ".query.weight", ".key.weight", ".value.weight")):
        values = np.ascontiguousarray(values.T)
    return onnx.numpy_helper.from_array(values, name.replace(".", "_"))


def read_safetensors(path):
    """Give the tensors by name: eight bytes with the header's length, a JSON header, then the bytes."""
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    kinds = {"F32": np.float32, "I64": np.int64}
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            flat = np.frombuffer(content[start + begin : start + end], dtype=kinds[entry["dtype"]])
            tensors[name] = flat.reshape(entry["shape"])
    return tensors
