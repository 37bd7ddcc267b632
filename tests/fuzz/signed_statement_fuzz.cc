// links: images_keys
#include <string>

#include "images/keys/statement.h"

// An envelope that is accepted reads back from its own text; no key that never signed verifies.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using images::keys::parse_statement;
  using images::keys::PrivateKey;
  using policies::vocabulary::invariant;
  static const images::keys::PublicKey stranger = PrivateKey::generate(images::keys::KeyKind::SigningKey)->public_key();
  const auto statement = parse_statement({reinterpret_cast<const char*>(data), size});
  if (!statement) return 0;
  invariant(!verify_statement(*statement, stranger, statement->type), "a stranger's signature is never good");
  const auto again = parse_statement(text_of(*statement));
  // Its own text may be longer than what was read (short escapes), and then beyond the limit.
  invariant(!again || again->payload == statement->payload, "a statement reads back as itself");
  return 0;
}
