// terms.json in the settings folder: what provisioning leaves for the owner to read and answer. JSON with exactly three
// fields:
// {"text": what the owner is shown, "canonical": policies::terms::canonical_text, "digest": SHA-256 of canonical}.
#pragma once

#include <string>
#include <string_view>

#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/id.h"
#include "policies/vocabulary/result.h"

namespace agent::contract {
using namespace policies::vocabulary;

struct TermsDocument {
  std::string text;       // plain text for people, lines of at most 76 columns
  std::string canonical;  // the terms as they are digested and signed
  Digest digest;
};

std::string text_of(const TermsDocument& document);
// InvalidInput for unknown, missing or wrongly typed fields, texts over 256 KiB, and a digest that is not the canonical
// text's.
Result<TermsDocument> terms_document_from(std::string_view json);

}  // namespace agent::contract
