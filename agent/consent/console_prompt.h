// The question on a plain text console: two equal, numbered choices, at most 76 columns, no escape codes, the question
// last.
#pragma once

#include <istream>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "agent/consent/consent.h"

namespace agent::consent {

// Shows `text` and asks for 1 (accept) or 2 (decline), then for a name. Anything else asks again, at most ten times.
// Nothing when the input ends, when only Enter is given three times, or after ten wrong answers: nothing may be
// recorded then.
std::optional<Answer> ask_on_console(std::string_view text, std::string_view question, std::istream& in,
                                     std::ostream& out);

// `text` broken into lines of at most 76 columns at spaces, without control characters.
std::string wrapped(std::string_view text);

}  // namespace agent::consent
