#include <stdexcept>
#include <string>

extern "C" int thrower_run(int n)
{
	int caught = 0;
	for (int i = 0; i < n; i++) {
		try {
			throw std::runtime_error(std::string(100, 'a'));
		} catch (const std::runtime_error &) {
			caught++;
		}
	}
	return caught;
}
extern "C" void thrower_throw() { throw std::runtime_error("from the library"); }
