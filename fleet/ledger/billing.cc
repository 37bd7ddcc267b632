#include "fleet/ledger/billing.h"

#include <fmt/format.h>

#include <algorithm>

#include "fleet/ledger/valuation.h"

namespace fleet::ledger {
namespace {

std::int64_t whole(std::uint64_t value) {
  invariant(value <= static_cast<std::uint64_t>(INT64_MAX), "a measured quantity fits 63 bits");
  return static_cast<std::int64_t>(value);
}

Result<Draft> draft_of(std::string natural_key, Measurement measurement, std::string text, const PartyId& party, const Prices& prices) {
  const Result<Valuation> worth = value_of(measurement, prices);
  if (!worth) return worth.error().within("pricing " + natural_key);
  const std::optional<Sides> sides = sides_of(measurement.kind);
  invariant(sides.has_value(), "every kind of measurement has its accounts");
  Draft draft;
  draft.natural_key = std::move(natural_key);
  draft.rule = {prices.id.text, static_cast<std::uint32_t>(prices.version)};
  draft.measurement = std::move(measurement);
  draft.text = std::move(text);
  draft.postings = {{account_for(sides->debit, party), worth->amount}, {account_for(sides->credit, party), -worth->amount}};
  return draft;
}

std::string short_name(const MachineId& machine) { return machine.text.substr(0, 12); }

double hours(std::uint64_t milliseconds) { return static_cast<double>(milliseconds) / 3.6e6; }

}  // namespace

Result<Draft> cluster_entry(const scheduler::PowerSample& sample, const Prices& prices) {
  return draft_of(fmt::format("cluster:{}:{}", sample.job.text, sample.number),
                  {"cluster-power", "job " + sample.job.text,
                   {{"power_mhz", whole(sample.power_mhz)}, {"copies_permille", sample.copies_permille}}},
                  fmt::format("virtual cluster for job {}, a quarter of an hour at {} MHz", sample.job.text, sample.power_mhz),
                  sample.client, prices);
}

Result<Draft> premium_entry(const scheduler::PowerSample& sample, const Prices& prices) {
  return draft_of(fmt::format("premium:{}:{}", sample.job.text, sample.number),
                  {"cluster-reliability", "job " + sample.job.text,
                   {{"power_mhz", whole(sample.power_mhz)}, {"copies_permille", sample.copies_permille},
                    {"reliability_ppm", sample.reliability_ppm}}},
                  fmt::format("reliability {:.6g} for job {}, a quarter of an hour", sample.reliability_ppm / 1e6, sample.job.text),
                  sample.client, prices);
}

Result<Draft> transfer_entry(const scheduler::DataMoved& moved, const Prices& prices) {
  return draft_of(fmt::format("transfer:{}:{}", moved.job.text, moved.settlement),
                  {"data-moved", "job " + moved.job.text,
                   {{"bytes_before", whole(moved.before.count)}, {"bytes_after", whole(moved.after.count)},
                    {"reliability_ppm", moved.reliability_ppm}, {"availability_ppm", moved.availability_ppm}}},
                  fmt::format("data of job {}, {} moved", moved.job.text, (moved.after - moved.before).text()), moved.client, prices);
}

Result<Draft> work_entry(const scheduler::WorkDone& work, const Prices& prices) {
  return draft_of(fmt::format("work:{}:{}:{}", work.machine.text, work.owner.text, work.settlement),
                  {"owner-work", "machine " + work.machine.text,
                   {{"occupied_ms_before", whole(work.occupied_ms_before)}, {"occupied_ms_after", whole(work.occupied_ms_after)},
                    {"processor_mhz", work.processor_mhz}, {"availability_ppm", work.availability_ppm},
                    {"processor_ms_before", whole(work.processor_ms_before)}, {"processor_ms_after", whole(work.processor_ms_after)},
                    {"copies_before", whole(work.copies_before)}, {"copies_after", whole(work.copies_after)}}},
                  fmt::format("{} tasks on machine {}, {:.6f} h occupied", work.copies_after - work.copies_before, short_name(work.machine),
                              hours(work.occupied_ms_after - work.occupied_ms_before)),
                  work.owner, prices);
}

Result<Draft> storage_charge_entry(const placement::StorageUsed& used, const Prices& prices) {
  return draft_of(fmt::format("stored:{}:{}", used.client.text, used.settlement),
                  {"storage-used", "client " + used.client.text,
                   {{"kib_seconds_before", whole(used.kib_seconds_before)}, {"kib_seconds_after", whole(used.kib_seconds_after)}}},
                  fmt::format("storage, {} KiB-seconds", used.kib_seconds_after - used.kib_seconds_before), used.client, prices);
}

Result<Draft> storage_pay_entry(const placement::StorageFurnished& furnished, const Prices& prices) {
  return draft_of(fmt::format("held:{}:{}:{}", furnished.machine.text, furnished.owner.text, furnished.settlement),
                  {"storage-held", "machine " + furnished.machine.text,
                   {{"kib_seconds_before", whole(furnished.kib_seconds_before)}, {"kib_seconds_after", whole(furnished.kib_seconds_after)}}},
                  fmt::format("shards on machine {}, {} KiB-seconds", short_name(furnished.machine),
                              furnished.kib_seconds_after - furnished.kib_seconds_before),
                  furnished.owner, prices);
}

Draft incentive_entry(const IncentiveGiven& given) {
  Draft draft;
  draft.natural_key = fmt::format("incentive:{}:{}:{}", given.agreement.text, given.kind, given.occasion);
  draft.rule = given.rule;
  draft.measurement = {"incentive", "agreement " + given.agreement.text, {{"value_minor", given.value.minor_units()}}};
  draft.text = given.text;
  const std::string owner = "owner:" + given.owner.text;
  draft.postings = {{"incentives:" + given.kind, given.value},
                    {owner + ":incentives", -given.value},
                    {owner + ":purchases", given.value},
                    {"manufacturer:sales", -given.value}};
  return draft;
}

bool is_nil(const Draft& draft) {
  return std::all_of(draft.postings.begin(), draft.postings.end(), [](const Posting& posting) { return posting.amount.minor_units() == 0; });
}

namespace {

Explanation explain_incentive(const Entry& entry) {
  Explanation explanation;
  const Measurement& measured = entry.draft.measurement;
  const std::vector<Posting>& postings = entry.draft.postings;
  explanation.booked = postings.empty() ? Money() : postings.front().amount;
  explanation.computed = Money(measured.quantity("value_minor").value_or(0), explanation.booked.currency());
  explanation.formula = "the value that offer " + entry.draft.rule.id + " v" + std::to_string(entry.draft.rule.version) + " gives it: " +
                        explanation.computed.text();
  const bool is_right = explanation.computed == explanation.booked && postings.size() == 4 && postings[1].amount == -explanation.booked &&
                        postings[2].amount == explanation.booked && postings[3].amount == -explanation.booked;
  if (!is_right) explanation.difference = "the postings are not the offer's value, granted and used";
  explanation.agrees = is_right;
  return explanation;
}

bool matches(std::string_view account, std::string_view side) {
  const std::size_t place = side.find('%');
  if (place == std::string_view::npos) return account == side;
  const std::string_view before = side.substr(0, place);
  const std::string_view after = side.substr(place + 1);
  return account.size() > before.size() + after.size() && account.starts_with(before) && account.ends_with(after);
}

}  // namespace

Result<Explanation> explain(const Entry& entry, const Prices& prices) {
  const Draft& draft = entry.draft;
  if (draft.measurement.kind == "incentive") return explain_incentive(entry);
  if (draft.rule != Rule{prices.id.text, static_cast<std::uint32_t>(prices.version)})
    return Error{ErrorCode::InvalidInput, fmt::format("entry {} was made by rule {} v{}, not by {}", entry.number, draft.rule.id, draft.rule.version,
                                                      prices.rule_name()), {}};
  const Result<Valuation> worth = value_of(draft.measurement, prices);
  if (!worth) return worth.error().within("explaining entry " + std::to_string(entry.number));
  const std::optional<Sides> sides = sides_of(draft.measurement.kind);
  Explanation explanation;
  explanation.formula = worth->formula + " = " + worth->amount.text();
  explanation.computed = worth->amount;
  explanation.booked = draft.postings.empty() ? Money(0, prices.currency) : draft.postings.front().amount;
  if (explanation.booked != explanation.computed)
    explanation.difference = "booked " + explanation.booked.text() + ", but the measurement is worth " + explanation.computed.text();
  else if (draft.postings.size() != 2 || draft.postings[1].amount != -explanation.computed || !matches(draft.postings[0].account, sides->debit) ||
           !matches(draft.postings[1].account, sides->credit))
    explanation.difference = "the postings are not those of a measurement of kind " + draft.measurement.kind;
  explanation.agrees = explanation.difference.empty();
  return explanation;
}

}  // namespace fleet::ledger
