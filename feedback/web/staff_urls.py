from . import staff_kpis, staff_stream

urlpatterns = [*staff_stream.urlpatterns, *staff_kpis.urlpatterns]
