// Signed statements: DSSE envelopes (https://github.com/secure-systems-lab/dsse). What is signed is
//   PAE(type, payload) = "DSSEv1" SP len(type) SP type SP len(payload) SP payload
// so that a signature over one type of statement is never taken for another. On the wire:
//   {"payloadType": ..., "payload": base64, "signatures": [{"keyid": ..., "sig": base64}]}
// A key id only says which key to try; nothing is believed before verify_statement().
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "images/keys/keys.h"

namespace images::keys {

inline constexpr std::size_t statement_size_max = 64 << 10;  // of the whole envelope
inline constexpr std::size_t statement_signatures_max = 8;

struct StatementSignature {
  KeyId key;              // empty when the signer did not say
  std::string signature;  // raw bytes
};

struct Statement {
  std::string type;     // for example "application/vnd.leaseback.consent+json"
  std::string payload;  // raw bytes
  std::vector<StatementSignature> signatures;
};

// The bytes that are signed.
std::string pre_authentication_encoding(std::string_view type, std::string_view payload);

// The envelope with one signature, one line of JSON. LimitExceeded when it would exceed 64 KiB.
Result<std::string> sign_statement(std::string_view type, std::string_view payload, const PrivateKey& key);
// The same envelope with this key's signature added, or put in the place of this key's earlier one. LimitExceeded
// beyond 8 signatures or 64 KiB. Verify the statement first: this does not.
Result<std::string> countersign_statement(std::string_view envelope, const PrivateKey& key);

// InvalidInput or LimitExceeded when `envelope` is not one envelope within the limits. Verifies nothing.
Result<Statement> parse_statement(std::string_view envelope);
std::string text_of(const Statement& statement);

// Unauthenticated unless the statement is of `expected_type` and holds a good signature of `key`.
Done verify_statement(const Statement& statement, const PublicKey& key, std::string_view expected_type);

}  // namespace images::keys
