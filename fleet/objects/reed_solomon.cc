// The arithmetic is ISA-L's: a systematic code over GF(2^8) whose parity rows are a Cauchy matrix, of which every square part can
// be inverted. So any `data` shards suffice.
#include <isa-l/erasure_code.h>

#include "fleet/objects/objects.h"

namespace fleet::objects {
namespace {

constexpr std::size_t total_max = 64;

std::vector<unsigned char> matrix_of(Code code) {
  std::vector<unsigned char> matrix(code.total * code.data);
  gf_gen_cauchy1_matrix(matrix.data(), static_cast<int>(code.total), static_cast<int>(code.data));
  return matrix;
}

unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
// ISA-L takes its sources as plain pointers and does not write to them.
unsigned char* bytes_of(std::string_view text) { return const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(text.data())); }

// rows x sources -> one output per row.
void combine(std::vector<unsigned char> rows, std::vector<unsigned char*> sources, std::vector<std::string>& outputs, std::size_t size) {
  if (outputs.empty()) return;
  const int data = static_cast<int>(sources.size());
  const int count = static_cast<int>(outputs.size());
  std::vector<unsigned char> tables(32 * sources.size() * outputs.size());
  ec_init_tables(data, count, rows.data(), tables.data());
  std::vector<unsigned char*> targets;
  for (std::string& output : outputs) {
    output.assign(size, '\0');
    targets.push_back(bytes_of(output));
  }
  ec_encode_data(static_cast<int>(size), data, count, tables.data(), sources.data(), targets.data());
}

}  // namespace

Done check(Code code) {
  if (code.data >= 1 && code.data <= code.total && code.total <= total_max) return {};
  return Error{ErrorCode::InvalidInput,
               std::to_string(code.data) + " of " + std::to_string(code.total) + " is no code: it needs 1 <= data <= total <= " + std::to_string(total_max), {}};
}

std::vector<std::string> encode(Code code, std::string_view bytes) {
  invariant(check(code).has_value() && bytes.size() % code.data == 0, "a code encodes whole rows only");
  const std::size_t size = bytes.size() / code.data;
  std::vector<std::string> shards;
  std::vector<unsigned char*> sources;
  for (std::size_t i = 0; i < code.data; ++i) {
    sources.push_back(bytes_of(bytes.substr(i * size, size)));
    shards.emplace_back(bytes.substr(i * size, size));
  }
  const std::vector<unsigned char> matrix = matrix_of(code);
  std::vector<std::string> parity(code.total - code.data);
  combine({matrix.begin() + static_cast<std::ptrdiff_t>(code.data * code.data), matrix.end()}, std::move(sources), parity, size);
  for (std::string& shard : parity) shards.push_back(std::move(shard));
  return shards;
}

Result<Shards> recover(Code code, const Shards& have, const std::vector<std::size_t>& missing) {
  if (const Done checked = check(code); !checked) return checked.error();
  const std::size_t k = code.data;
  if (have.size() < k)
    return Error{ErrorCode::NotFound, std::to_string(k) + " shards are needed, " + std::to_string(have.size()) + " are there", {}};
  const std::size_t size = have.begin()->second.size();
  for (const auto& [index, bytes] : have)
    if (index >= code.total || bytes.size() != size)
      return Error{ErrorCode::InvalidInput, "shard " + std::to_string(index) + " has another size than the others, or no place in the code", {}};
  for (const std::size_t index : missing)
    if (index >= code.total) return Error{ErrorCode::InvalidInput, "there is no shard " + std::to_string(index) + " in this code", {}};

  const std::vector<unsigned char> matrix = matrix_of(code);
  std::vector<unsigned char> present(k * k);
  std::vector<unsigned char*> sources;
  for (auto shard = have.begin(); sources.size() < k; ++shard) {
    std::copy_n(matrix.begin() + static_cast<std::ptrdiff_t>(shard->first * k), k, present.begin() + static_cast<std::ptrdiff_t>(sources.size() * k));
    sources.push_back(bytes_of(std::string_view(shard->second)));
  }
  std::vector<unsigned char> inverse(k * k);
  invariant(gf_invert_matrix(present.data(), inverse.data(), static_cast<int>(k)) == 0, "a Cauchy matrix could not be inverted");
  // What a missing shard is made of, in terms of the shards that are there: its row of the matrix times the inverse.
  std::vector<unsigned char> rows(missing.size() * k, 0);
  for (std::size_t row = 0; row < missing.size(); ++row)
    for (std::size_t column = 0; column < k; ++column)
      for (std::size_t i = 0; i < k; ++i)
        rows[row * k + column] ^= gf_mul(matrix[missing[row] * k + i], inverse[i * k + column]);
  std::vector<std::string> outputs(missing.size());
  combine(std::move(rows), std::move(sources), outputs, size);
  Shards made;
  for (std::size_t i = 0; i < missing.size(); ++i) made[missing[i]] = std::move(outputs[i]);
  return made;
}

}  // namespace fleet::objects
