// Entries of the journal, as the controller's API gives them, in forms that other tools read. Pure.
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace fleet::cli {

// The plain-text journal of Ledger (its manual, "Journal Format") and hledger: one transaction an entry, its number as the code,
// each posting with an explicit amount, so that the reader checks every balance itself. Where an amount came from stands in tags.
std::string journal_text(const boost::json::array& entries);

// RFC 4180: a header, then one record a posting.
std::string entries_csv(const boost::json::array& entries);

// The lines of one party's statement, RFC 4180.
std::string statement_csv(const boost::json::object& statement);

// A party's statement as a journal of its own: each line against the account "manufacturer", so that it balances alone.
std::string statement_journal(const boost::json::object& statement);

}  // namespace fleet::cli
