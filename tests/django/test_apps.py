"""What Django knows of the application."""

from django.apps import apps


def test_it_is_one_of_the_site():
    config = apps.get_app_config("everywire")
    assert (config.name, config.verbose_name) == ("everywire.django", "everywire")
    assert [model.__name__ for model in config.get_models()] == ["Outbox"]
