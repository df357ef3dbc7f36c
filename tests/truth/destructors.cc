/* All is freed by destructors of statics, of thread-locals and of automatic
 * objects, also when an exception unwinds: nothing may be lost.
 */
#include "truth.h"
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

static std::map<std::string, std::vector<std::string>> index_of;
static thread_local std::vector<std::string> of_thread;
static std::unique_ptr<std::string> owner;

static void work(int n)
{
	std::vector<std::unique_ptr<std::string>> local;
	for (int i = 0; i < n; i++) {
		local.push_back(std::make_unique<std::string>(50, 'a'));
		of_thread.push_back(*local.back());
	}
	if (n > 5)
		throw std::runtime_error("a text that needs a block of its own, being long");
}

static void scenario(void)
{
	for (int i = 0; i < 10; i++) {
		try {
			work(i);
		} catch (const std::exception &e) {
			index_of[e.what()].push_back(std::string(i + 30, 'b'));
		}
	}
	owner = std::make_unique<std::string>(100, 'c');
	std::thread([] { work(3); }).join();
}
