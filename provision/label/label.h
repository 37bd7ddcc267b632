// The mark on a machine that tells third parties that it furnishes resources, to whom, and how its owner may leave (mission B6).
#pragma once

#include <string>

#include "agent/contract/statements.h"
#include "policies/vocabulary/result.h"
#include "provision/order/work.h"

namespace provision::label {
using namespace policies::vocabulary;

inline constexpr int label_width_mm = 100;
inline constexpr int label_height_mm = 60;

struct LabelFacts {
  std::string serial;
  std::string machine;   // its id, 64 hexadecimal digits; empty before it has one
  std::string order;
  std::string model;
  std::string receiver;  // to whom it furnishes: 1..60 bytes of UTF-8 without control characters
  std::string contact;   // where to ask and to leave: a telephone number, an address; 1..80 bytes likewise
  std::string link;      // https://... to which serial and machine are added for the QR code; empty: only these two
};

// Refused for an order that declined: its machine furnishes nothing, and a label would say what is not so.
Result<LabelFacts> facts_of(const order::Work& work);
LabelFacts facts_of(const agent::contract::Voucher& voucher);

// InvalidInput naming the fact that is missing, too long or not printable.
Done check(const LabelFacts& facts);

// What the QR code says: "LINK?serial=S&machine=M", or "leaseback:machine?serial=S&machine=M" without a link.
std::string code_text(const LabelFacts& facts);

// Preconditions of both: check(facts) is done. An SVG document of label_width_mm × label_height_mm at true size, black on white; every text
// escaped, no script, no reference to anything outside it.
Result<std::string> svg(const LabelFacts& facts);
// A page that prints, or is saved as PDF, with the label at true size.
Result<std::string> page(const LabelFacts& facts);

}  // namespace provision::label
