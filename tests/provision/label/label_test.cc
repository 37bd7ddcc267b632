// Goal: whoever meets a machine can read, with eyes and with a scanner, what it furnishes and to whom; and nothing that stands in an order can
// break the page. Method: labels drawn with friendly and hostile texts, rendered by other people's programs (rsvg-convert, Chromium) and
// scanned by zbarimg; then the shipped program.
#include "provision/label/label.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "agent/contract/statements.h"
#include "images/files/posix_files.h"
#include "images/keys/key_files.h"
#include "images/keys/statement.h"
#include "provision/label/qr_code.h"

namespace provision::label {
namespace {

const std::string sources = LEASEBACK_SOURCE_DIR;

LabelFacts facts() {
  const std::string machine = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  return {"LB-1001", machine, "home-alice", "home-pc", "Example Leasing & Sons", "555-0100, leave@example.test", "https://leave.example/m"};
}

class Labels : public testing::Test {
 protected:
  Labels() {
    std::string name = testing::TempDir() + "labelXXXXXX";
    folder = mkdtemp(name.data());
  }
  ~Labels() override { std::filesystem::remove_all(folder); }
  struct Said {
    int status = 0;
    std::string out;
  };
  Said run(const std::string& command) const {
    FILE* pipe = popen(("cd " + folder + " && " + command + " 2>&1").c_str(), "r");
    Said said;
    for (int c = fgetc(pipe); c != EOF; c = fgetc(pipe)) said.out += static_cast<char>(c);
    said.status = WEXITSTATUS(pclose(pipe));
    return said;
  }
  [[nodiscard]] bool has(const std::string& program) const { return run("command -v " + program).status == 0; }
  void write(const std::string& name, const std::string& text) const { std::ofstream(folder + "/" + name, std::ios::binary) << text; }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream stream(folder + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  }
  // What a scanner reads off the label when it is printed at 300 dots an inch.
  [[nodiscard]] std::string scanned(const std::string& name) const {
    EXPECT_EQ(run("rsvg-convert --dpi-x 300 --dpi-y 300 -o label.png " + name).status, 0);
    std::string text = run("(zbarimg --quiet --raw label.png 2> zbar.log)").out;
    while (text.ends_with('\n')) text.pop_back();
    return text;
  }
  std::string folder;
};

TEST_F(Labels, AreScannedAsTheyWereMeant) {
  if (!has("rsvg-convert") || !has("zbarimg")) GTEST_SKIP() << "rsvg-convert or zbarimg is not installed";
  LabelFacts with_link = facts();
  write("label.svg", *svg(with_link));
  EXPECT_EQ(scanned("label.svg"), "https://leave.example/m?serial=LB-1001&machine=" + with_link.machine);
  LabelFacts bare = facts();
  bare.link.clear();
  bare.machine.clear();
  write("bare.svg", *svg(bare));
  EXPECT_EQ(scanned("bare.svg"), "leaseback:machine?serial=LB-1001");
  LabelFacts longest = facts();
  longest.link = "https://" + std::string(190, 'x');
  ASSERT_TRUE(check(longest));
  write("longest.svg", *svg(longest));
  EXPECT_EQ(scanned("longest.svg"), code_text(longest));
}

TEST_F(Labels, SayWhatIsFurnishedToWhomAndHowToLeave) {
  const std::vector<std::string> both = {*svg(facts()), *page(facts())};
  for (const std::string& text : both) {
    for (const char* said : {"This computer furnishes resources", "LB-1001", "home-alice", "Example Leasing &amp; Sons", "end it at any time", "555-0100"})
      EXPECT_NE(text.find(said), std::string::npos) << said;
    EXPECT_NE(text.find(facts().machine), std::string::npos);
    EXPECT_NE(text.find("width=\"100mm\" height=\"60mm\""), std::string::npos) << "true size";
  }
}

TEST_F(Labels, EscapeWhateverStandsInThem) {
  LabelFacts hostile = facts();
  hostile.receiver = "</text><script>alert(1)</script>&\"'";
  hostile.contact = "<img src=x onerror=alert(1)> ]]> &amp; \xc3\xa9\xc3\xa9\xc3\xa9";
  hostile.model = "a<b>&\"c'";
  ASSERT_TRUE(check(hostile));
  const std::vector<std::string> both = {*svg(hostile), *page(hostile)};
  for (const std::string& text : both) {
    EXPECT_EQ(text.find("<script"), std::string::npos);
    EXPECT_EQ(text.find("<img"), std::string::npos);
    EXPECT_NE(text.find("&lt;script&gt;"), std::string::npos);
  }
  write("hostile.svg", *svg(hostile));
  EXPECT_EQ(run("python3 -c \"import xml.dom.minidom as m; m.parse('hostile.svg')\"").status, 0) << "well-formed";
  if (!has("rsvg-convert")) GTEST_SKIP() << "rsvg-convert is not installed";
  EXPECT_EQ(run("rsvg-convert -o hostile.png hostile.svg").status, 0);
}

TEST_F(Labels, KeepTheirTextWithinTheirEdge) {
  LabelFacts wide = facts();
  wide.receiver.assign(60, 'W');
  wide.contact.assign(80, 'W');
  wide.model.assign(64, 'w');
  wide.order.assign(64, 'o');
  ASSERT_TRUE(check(wide));
  const std::string text = *svg(wide);
  std::size_t lines = 0;
  for (std::size_t at = text.find("<text x=\"38\""); at != std::string::npos; at = text.find("<text x=\"38\"", at + 1)) ++lines;
  EXPECT_LE(6 + 3 * static_cast<double>(lines), 46) << "the column ends above the serial";
  if (!has("rsvg-convert") || !has("python3")) GTEST_SKIP() << "rsvg-convert is not installed";
  write("wide.svg", text);
  // Nothing is drawn on the last millimetre before the frame: 100 dots an inch are 3.94 a millimetre.
  ASSERT_EQ(run("rsvg-convert --dpi-x 100 --dpi-y 100 --background-color white -o wide.png wide.svg").status, 0);
  write("edge.py", R"(
import struct, sys, zlib
data = open('wide.png', 'rb').read()
at, packed = 8, b''
while at < len(data):
    size, kind = struct.unpack('>I4s', data[at:at + 8])
    if kind == b'IHDR': width, height, depth, colour = struct.unpack('>IIBB', data[at + 8:at + 18])
    if kind == b'IDAT': packed += data[at + 8:at + 8 + size]
    at += size + 12
channels = {2: 3, 6: 4}[colour]
raw, stride, before, rows = zlib.decompress(packed), width * channels, bytearray(width * channels), []
for y in range(height):
    kind, line = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
    for x in range(stride):
        a, b, c = line[x - channels] if x >= channels else 0, before[x], before[x - channels] if x >= channels else 0
        p = a + b - c
        paeth = min((a, b, c), key=lambda v: (abs(p - v), (a, b, c).index(v)))
        line[x] = (line[x] + [0, a, b, (a + b) // 2, paeth][kind]) & 255
    rows.append(line)
    before = line
sys.exit(any(row[x * channels] < 128 for row in rows[10:-10] for x in range(width - 6, width - 3)))
)");
  EXPECT_EQ(run("python3 edge.py").status, 0) << "text runs into the frame";
}

TEST_F(Labels, ArePrintedAtTrueSizeByABrowser) {
  std::string browser;
  for (const char* name : {"chromium", "chromium-browser", "google-chrome"})
    if (browser.empty() && has(name)) browser = name;
  if (browser.empty() || !has("pdftoppm") || !has("zbarimg")) GTEST_SKIP() << "chromium, pdftoppm or zbarimg is not installed";
  write("label.html", *page(facts()));
  const Said printed = run(browser + " --headless --no-sandbox --disable-gpu --no-pdf-header-footer --print-to-pdf=label.pdf file://" + folder + "/label.html");
  ASSERT_TRUE(std::filesystem::exists(folder + "/label.pdf")) << printed.out;
  ASSERT_EQ(run("pdftoppm -r 300 -png label.pdf page").status, 0);
  EXPECT_EQ(run("(zbarimg --quiet --raw page-1.png 2> zbar.log)").out, code_text(facts()) + "\n");
}

TEST(Label, NamesTheFactThatCannotStandOnIt) {
  const auto refused = [](auto change) {
    LabelFacts wrong = facts();
    change(wrong);
    const Done checked = check(wrong);
    EXPECT_FALSE(checked);
    return checked ? std::string() : checked.error().message;
  };
  EXPECT_NE(refused([](LabelFacts& f) { f.receiver.clear(); }).find("receiver"), std::string::npos);
  EXPECT_NE(refused([](LabelFacts& f) { f.receiver.assign(61, 'x'); }).find("receiver"), std::string::npos);
  EXPECT_NE(refused([](LabelFacts& f) { f.contact = "two\nlines"; }).find("contact"), std::string::npos);
  EXPECT_NE(refused([](LabelFacts& f) { f.machine = "abc"; }).find("machine id"), std::string::npos);
  for (const char* link : {"http://a.example", "https://", "https://a b", "https://a?x=1", "javascript:alert(1)", "https://a\"b"})
    EXPECT_NE(refused([&](LabelFacts& f) { f.link = link; }).find("link"), std::string::npos) << link;
}

TEST(QrCode, RefusesWhatItCannotHold) {
  EXPECT_EQ(qr_code("").error().code, ErrorCode::InvalidInput);
  EXPECT_EQ(qr_code(std::string("a\0b", 3)).error().code, ErrorCode::InvalidInput);
  EXPECT_EQ(qr_code(std::string(1001, 'x')).error().code, ErrorCode::LimitExceeded);
  const auto whole = qr_code(std::string(1000, '\xff'));
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->dark.size(), std::size_t{whole->size} * whole->size);
}

TEST_F(Labels, OfTheProgramComeFromAnOrderOrAVerifiedVoucher) {
  const std::string program = LEASEBACK_BINARY_DIR "/bin/leaseback-provision label make ";
  const std::string whom = " --to 'Example Leasing' --contact '+1 555 0100' --rules " + sources + "/policies/rules";
  const std::string orders = sources + "/provision/order/examples/";
  EXPECT_EQ(run(program + orders + "home-alice.yaml --out alice.svg" + whom).status, 0);
  EXPECT_NE(read("alice.svg").find("see leaseback-agent status"), std::string::npos) << "no id yet";
  const Said declined = run(program + orders + "home-henry-declined.yaml --out henry.svg" + whom);
  EXPECT_EQ(declined.status, 4) << declined.out;
  EXPECT_FALSE(std::filesystem::exists(folder + "/henry.svg"));
  EXPECT_EQ(run(program + orders + "home-alice.yaml --out alice.pdf" + whom).status, 2);

  images::files::PosixFiles files;
  const auto line = *images::keys::PrivateKey::generate(images::keys::KeyKind::SigningKey);
  const auto other = *images::keys::PrivateKey::generate(images::keys::KeyKind::SigningKey);
  write("line.pem", line.public_key().pem());
  write("other.pem", other.public_key().pem());
  agent::contract::Voucher voucher;
  voucher.serial = "LB-1001";
  voucher.machine = MachineId(std::string(64, 'b'));
  voucher.order = OrderId("home-alice");
  voucher.owner = PartyId("alice");
  voucher.model = "home-pc";
  voucher.terms = TermsId("home-night");
  voucher.terms_version = 1;
  voucher.terms_digest = Digest(std::string(64, 'c'));
  voucher.offer = OfferId("home");
  voucher.zone = "America/Chicago";
  voucher.plan_digest = Digest(std::string(64, 'd'));
  voucher.lease = mebibytes(5722);
  voucher.processor_mhz = 1000;
  voucher.made_at = *instant_from("2026-11-21T12:00:00Z");
  write("voucher.json", *images::keys::sign_statement(agent::contract::voucher_type, agent::contract::payload_of(voucher), line));
  const Said made = run(program + "--voucher voucher.json --line-key line.pem --out label.html" + whom);
  EXPECT_EQ(made.status, 0) << made.out;
  EXPECT_NE(read("label.html").find(std::string(64, 'b')), std::string::npos);
  EXPECT_NE(run(program + "--voucher voucher.json --line-key other.pem --out other.html" + whom).status, 0) << "signed by somebody else";
  EXPECT_FALSE(std::filesystem::exists(folder + "/other.html"));
}

}  // namespace
}  // namespace provision::label
